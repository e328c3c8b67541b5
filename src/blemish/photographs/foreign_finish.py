"""The finish of one photograph inside an area of another."""

from dataclasses import replace

import cv2
import numpy as np

from blemish.arrays import Plane
from blemish.damage.areas import PatchEdge, stretched_patch, zone
from blemish.damage.change import Change
from blemish.damage.geometry import Window
from blemish.damage.noise import Field, as_field, choose
from blemish.damage.workpiece import Workpiece
from blemish.photographs.photographed import smooth_light

NAME = "foreign_finish"
_QUANTILES = 64
_STEPS = (0.7, 8.0)  # step of brightness to the finish around, in deviations of that
_LARGEST_STEP = 0.6  # of the reflectance
_GAINS = (0.5, 2.5)  # strength of the grain over that around
_EDGE = PatchEdge(at_border=0.4, roughest=0.6, slopes=(1.0, 1.5), softness=(1, 5))


def foreign_finish(rng: np.random.Generator, piece: Workpiece, donor: Plane) -> Change:
    """Lay the finish of another photograph over an area, matched to the finish that was there.

    It comes from another place, turned and rescaled; its histogram becomes that of the area, then
    brightness and grain move away from it, so that what differs is what differs between two parts
    of one kind: the texture first, the level second.

    Args:
        rng: Chooses area, turn, scale, step.
        piece: The photograph drawn on.
        donor: A window of another photograph, shape ``(H, W)``, uint8.
    """
    box, cover = _area(rng, piece)
    around = piece.reflectance[box.slices]
    marks = _matched(_turned(rng, donor, box), around)
    level = float(around.mean())
    gain = choose(rng, *_GAINS) if rng.random() < 0.6 else 1.0
    step = float(rng.choice([-1.0, 1.0], p=[0.65, 0.35]))
    step *= min(choose(rng, *_STEPS) * piece.contrast_in(box), _LARGEST_STEP)
    new = np.maximum(level * (1 + step) + np.float32(gain) * (marks - level), np.float32(0.03))
    delta = cover * (new - around)
    return Change(box, as_field(delta), cover > np.float32(0.5), thin=False, finish=True)


def _area(rng: np.random.Generator, piece: Workpiece) -> tuple[Window, Field]:
    """Choose where: beyond a line, or a blob, as often at an edge as not."""
    if rng.random() < 0.25:
        return zone(rng, piece)
    return stretched_patch(rng, piece, 8, _EDGE if piece.edges else replace(_EDGE, at_border=None))


def _turned(rng: np.random.Generator, donor: Plane, box: Window) -> Field:
    """Cut a piece of the donor's reflectance, turned and rescaled, of the shape of the box."""
    plane = donor.astype(np.float32)
    reflectance = plane / smooth_light(plane, None)
    angle, scale = float(rng.uniform(0, 2 * np.pi)), choose(rng, 0.6, 1.7)
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    turn = np.array([[cos, -sin], [sin, cos]])
    centre = rng.uniform(0, 1, 2) * (plane.shape[1], plane.shape[0])
    shift = centre - turn @ (box.width / 2, box.height / 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    matrix = np.column_stack([turn, shift])
    return as_field(
        cv2.warpAffine(
            reflectance,
            matrix,
            (box.width, box.height),
            flags=flags,
            borderMode=cv2.BORDER_REFLECT_101,
        )
    )


def _matched(marks: Field, around: Field) -> Field:
    """Give one field the histogram of another, through their quantiles."""
    shares = np.linspace(0, 1, _QUANTILES)
    source, target = np.quantile(marks, shares), np.quantile(around, shares)
    source += np.arange(_QUANTILES) * 1e-7  # np.interp wants rising positions
    return as_field(np.interp(marks.ravel(), source, target).reshape(marks.shape))
