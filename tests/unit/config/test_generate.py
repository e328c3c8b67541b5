"""Tests of blemish.config.generate: it names what can be drawn and refuses what makes no sense."""

import pytest
from unit.synthesis.recipe import recipe

from blemish.damage.defect_classes import DEFECTS
from blemish.damage.surfaces import SURFACES
from blemish.synthesis.distractors import DISTRACTORS, ODDS


def test_params_name_every_surface_and_defect() -> None:
    """What can be drawn is what params.yaml weighs."""
    params = recipe()
    assert set(params.surfaces.model_dump()) == set(SURFACES)
    assert set(params.defects.model_dump()) == set(DEFECTS)
    assert len(ODDS) == len(DISTRACTORS)
    assert sum(ODDS) == pytest.approx(1)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"contrast": [3.0, 1.0]}, "contrast"),
        ({"contrast": [0.0, 1.0]}, "contrast"),
        ({"clean_share": 1.2}, "clean_share"),
        ({"size": 32}, "size"),
        ({"surfaces": dict.fromkeys(SURFACES, 0.0)}, "surfaces"),
        ({"defects": dict.fromkeys(DEFECTS, -1.0)}, "defects"),
        ({"defects_per_image": 0.5}, "defects_per_image"),
    ],
)
def test_senseless_params_are_refused_by_name(changes: dict[str, object], named: str) -> None:
    """A share, range or weight that makes no sense is refused, and the refusal says which."""
    with pytest.raises(ValueError, match=named):
        recipe(**changes)
