"""Tests of blemish.synthesis.manufacture: outlines, and what lies beside the part."""

import numpy as np

from blemish.damage.workpiece import Workpiece
from blemish.synthesis.manufacture import make_workpiece


def pieces(count: int = 200, size: int = 96) -> list[Workpiece]:
    return [make_workpiece(np.random.default_rng(seed), size, "rolled") for seed in range(count)]


def test_a_background_is_there_where_the_part_ends() -> None:
    """A part with an outline has edges and a background; one that fills the image has neither."""
    outlined = [piece for piece in pieces() if piece.part is not None]
    assert 60 < len(outlined) < 120
    for piece in pieces():
        assert (piece.background is None) == (piece.part is None)
        assert bool(piece.edges) == (piece.part is not None)


def test_bars_lie_on_plain_backgrounds_of_any_brightness() -> None:
    """A bar shows both flanks and caps defects by its own size; some lie on bright tables."""
    bars = [piece for piece in pieces(600) if piece.extent is not None]
    assert len(bars) > 20
    levels = []
    for bar in bars:
        assert bar.part is not None
        assert bar.background is not None
        assert bar.side < max(bar.shape)
        assert len(bar.edges) == 2
        levels.append(float(bar.background.mean()))
        assert bar.background.std() < 0.3 * levels[-1] + 0.03
    assert min(levels) < 0.12
    assert max(levels) > 0.7
