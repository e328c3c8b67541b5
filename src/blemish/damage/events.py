"""Events on a workpiece: drawn, scaled to a contrast, applied, and painted by the mask rule."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from blemish.arrays import Mask
from blemish.damage.change import Change
from blemish.damage.defect_classes import DEFECTS
from blemish.damage.noise import Field, choose
from blemish.damage.visibility import Painted, judge, paint
from blemish.damage.workpiece import Workpiece

_AREA_SHARE = 0.7  # contrast of an area over that of a line as plain to see: an eye sums over it
_DEEPEST = 0.9  # change of the reflectance, of dark lines and spots
_BRIGHTEST_CHANGE = 1.8  # the same of bright ones: a fresh scratch mirrors the lamp
_DEPTHS = (0.15, 0.9)  # the same of areas: few stains are black
_DARKEST, _BRIGHTEST = 0.04, 3.0  # bounds of what metal and shadow reflect, 1 being plain metal
_LEAST_NOISE = 0.012  # of the reflectance: what a camera adds to the smoothest of drawn finishes

DefectEvent = tuple[str, list[Change]]
"""Class name and changes of one event."""


@dataclass(frozen=True)
class DrawnDefect:
    """One defect as painted.

    Attributes:
        class_name: Such as a key of :data:`blemish.damage.defect_classes.DEFECTS`.
        mask: Shape ``(H, W)`` of the image, bool.
        contrast_to_noise: Contrast of what is painted over the local noise.
        width_px: Typical width, px.
    """

    class_name: str
    mask: Mask
    contrast_to_noise: float
    width_px: float


def draw_events(
    rng: np.random.Generator,
    weights: Mapping[str, float],
    piece: Workpiece,
    *,
    count: int,
    contrast: tuple[float, float],
) -> list[DefectEvent]:
    """Draw some events, each as strong as its contrast asks for.

    Args:
        rng: Chooses everything.
        weights: How often each defect is drawn, relative to the others.
        piece: The workpiece; it is not changed.
        count: Number of events.
        contrast: Of the faintest and the boldest line, in deviations of the noise around it.
    """
    events = []
    for _ in range(count):
        name = pick(rng, weights)
        target, deepest = choose(rng, *contrast), choose(rng, *_DEPTHS)
        changes = DEFECTS[name](rng, piece)
        events.append((name, [_scaled(change, piece, target, deepest) for change in changes]))
    return events


def pick(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """Choose a name by its weight."""
    names = list(weights)
    odds = np.array([weights[name] for name in names])
    return str(names[int(rng.choice(len(names), p=odds / odds.sum()))])


def _scaled(change: Change, piece: Workpiece, target: float, deepest: float) -> Change:
    """Return a change on the part alone, its contrast about ``target`` times the noise around it.

    Args:
        change: At nominal strength.
        piece: Where it happens.
        target: Contrast of a line, in deviations of the noise.
        deepest: Most that an area may change the reflectance by.
    """
    inside = change.delta[change.extent]
    if not inside.size:
        return change
    factor = 1.0
    if not change.finish:
        noise = float(np.hypot(piece.contrast_in(change.box), _LEAST_NOISE))
        thinnest = _BRIGHTEST_CHANGE if inside.mean() > 0 else _DEEPEST
        share, most = (1.0, thinnest) if change.thin else (_AREA_SHARE, deepest)
        factor = min(share * target * noise, most) / max(
            float(np.sqrt(np.mean(inside * inside))), 1e-4
        )
    return replace(change, delta=change.delta * np.float32(factor)).on_part(piece)


def apply_events(piece: Workpiece, events: list[DefectEvent]) -> Field:
    """Return the reflectance after all events, within what metal can reflect."""
    changed = piece.reflectance.copy()
    for _, changes in events:
        for change in changes:
            changed[change.box.slices] += change.delta
    bare = piece.reflectance
    return np.clip(changed, np.minimum(_DARKEST, bare), np.maximum(_BRIGHTEST, bare))


def paint_events(
    events: list[DefectEvent], seen: Field, clean: Field, noise: Field, piece: Workpiece
) -> tuple[DrawnDefect, ...]:
    """Apply the mask rule to each event.

    Args:
        events: As drawn.
        seen: The signal with them, grey levels, shape ``(H, W)``.
        clean: The signal without them.
        noise: Deviation of the camera's noise that ``clean`` does not hold, grey levels.
        piece: The workpiece.

    Returns:
        Those that show.
    """
    sight = judge(clean, noise, piece.unit)
    defects = []
    for name, changes in events:
        for change in changes:
            painted = paint(change, seen, sight, piece.unit)
            if painted is not None:
                defects.append(_as_defect(name, painted, piece.shape))
    return tuple(defects)


def _as_defect(name: str, painted: Painted, shape: tuple[int, int]) -> DrawnDefect:
    mask = np.zeros(shape, dtype=np.bool_)
    mask[painted.box.slices] = painted.region
    return DrawnDefect(name, mask, round(painted.contrast_to_noise, 3), round(painted.width_px, 2))
