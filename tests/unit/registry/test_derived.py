"""The same graph with another operating point."""

import numpy as np
import onnx
import pytest
from integration.server.tiny_models import metadata, tiny_model

from blemish.errors import ModelFileError
from blemish.inference import Segmenter, golden_image
from blemish.operating_point import OperatingPoint
from blemish.registry.derived import with_operating_point


def test_only_the_point_changes_and_the_bytes_follow_from_it() -> None:
    """Graph, answers and card are the same but for the point; the same point, the same bytes."""
    source = tiny_model()
    made = with_operating_point(source, OperatingPoint(0.25, 0.75))
    assert made == with_operating_point(source, OperatingPoint(0.25, 0.75))
    assert made != with_operating_point(source, OperatingPoint(0.25, 0.5))
    before, after = Segmenter.from_bytes(source), Segmenter.from_bytes(made)
    assert (after.card.point.threshold, after.card.point.peak) == (0.25, 0.75)
    assert after.card.fingerprint == before.card.fingerprint
    assert onnx.load_from_string(made).graph == onnx.load_from_string(source).graph
    golden = golden_image(256)[None, None]
    assert np.array_equal(before.run(golden), after.run(golden))


@pytest.mark.parametrize("point", [(1.5, 0.0), (0.5, -1.0), (float("nan"), 0.0)])
def test_a_point_that_is_none_is_refused(point: tuple[float, float]) -> None:
    """Threshold and peak lie in 0 to 1."""
    with pytest.raises(ModelFileError, match="0 to 1"):
        with_operating_point(tiny_model(props=metadata()), OperatingPoint(*point))
