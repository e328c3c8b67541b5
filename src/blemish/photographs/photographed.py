"""A photograph as a workpiece: its light, texture, noise, sharpness and outline, measured."""

from dataclasses import dataclass

import cv2
import numpy as np

from blemish.arrays import Mask, Plane
from blemish.damage.noise import Field, as_field, blur, choose
from blemish.damage.workpiece import PartEdge, Workpiece

_LIGHT = 0.06  # deviation of the smoothing that leaves the light, as a part of the side
_LEAST_LIGHT = 6.0  # grey levels; in the dark a defect changes the image by this much at most
_DETAIL = 6.0  # px; what changes more slowly is no texture to a defect
_EDGES = 24  # points of the outline where chips and cracks may start
_SHARPNESS = (0.45, 2.5)  # bounds of the blur found, px
_DIRECTED = 0.25  # coherence of the gradient from which on a finish has a lay


@dataclass(frozen=True)
class Photographed:
    """What was measured in a photograph.

    Attributes:
        piece: Reflectance, light, part and edges.
        plane: The photograph, shape ``(H, W)``, float32, grey levels.
        sharpness: Deviation of the blur of lens and focus, px.
        noise: Deviation of the noise of the sensor, grey levels.
    """

    piece: Workpiece
    plane: Field
    sharpness: float
    noise: float


def photographed(rng: np.random.Generator, image: Plane, part: Mask | None) -> Photographed:
    """Measure a photograph, or a window of one.

    Args:
        rng: Chooses what a photograph does not say: magnification, direction of the light.
        image: Shape ``(H, W)``, uint8.
        part: Where the part is, same shape; None where it fills the image.
    """
    plane = image.astype(np.float32)
    light = smooth_light(plane, part)
    reflectance = plane / light
    side = _DETAIL * max(1.0, max(image.shape) / 512)
    detail = reflectance - blur(reflectance, side)
    local = np.sqrt(blur(detail * detail, 2 * side))
    lay, directed = _lay(detail)
    unit = choose(rng, 0.55, 2.2) * (max(image.shape) / 256) ** 0.5
    piece = Workpiece(
        reflectance=as_field(reflectance),
        lighting=light,
        part=None if part is None else blur(part.astype(np.float32), 0.7),
        edges=() if part is None else _edges(rng, part),
        surface=str(rng.choice(["ground", "turned"] if directed else ["rolled", "blasted"])),
        lay=lay if directed else float(rng.uniform(0, np.pi)),
        light=float(rng.uniform(0, 2 * np.pi)),
        unit=unit,
        contrast=float(local.mean() if part is None else local[part].mean()),
        local_contrast=as_field(local),
        extent=None if part is None else _extent(part),
    )
    return Photographed(piece, plane, estimate_blur(plane), estimate_noise(plane))


def smooth_light(plane: Field, part: Mask | None) -> Field:
    """Return the light on each pixel of the part, in grey levels: the photograph without texture.

    Args:
        plane: Shape ``(H, W)``, grey levels.
        part: Same shape; what lies beside it does not count.
    """
    sigma = max(4.0, _LIGHT * max(plane.shape))
    if part is None or not part.any():
        return np.maximum(blur(plane, sigma), np.float32(_LEAST_LIGHT))
    weight = part.astype(np.float32)
    share = blur(weight, sigma)
    mean = np.float32(plane[part].mean())
    light = (blur(plane * weight, sigma) + np.float32(0.01) * mean) / (share + np.float32(0.01))
    return as_field(np.maximum(light, np.float32(_LEAST_LIGHT)))


def estimate_blur(plane: Field) -> float:
    """Estimate the blur of a photograph by the gradients of its sharpest edges, in px.

    An edge of deviation s, blurred by 1 and by 2 px more, keeps gradients in the ratio of
    sqrt(s^2 + 4) to sqrt(s^2 + 1) (Zhuo and Sim 2011).
    """
    slopes = []
    for sigma in (1.0, 2.0):
        smooth = blur(plane, sigma)
        slopes.append(
            np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
        )
    sharp, soft = (slope[::2, ::2] for slope in slopes)
    strongest = sharp >= np.percentile(sharp, 99)
    ratio = float(np.median(sharp[strongest] / np.maximum(soft[strongest], 1e-3)))
    ratio = min(max(ratio, 1.02), 1.98)
    width = np.sqrt(max((4 - ratio**2) / (ratio**2 - 1), 0.0))
    return float(np.clip(width, *_SHARPNESS))


def estimate_noise(plane: Field) -> float:
    """Estimate the deviation of a photograph's noise, grey levels (Immerkaer 1996).

    The mask leaves nothing of edges and slopes; of its answers the median counts, since texture
    answers in places.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    answer = np.abs(cv2.filter2D(plane, -1, kernel))
    return float(np.median(answer[::2, ::2]) / 0.6745 / 6)


def _lay(detail: Field) -> tuple[float, bool]:
    """Return the direction of the marks, radians, and whether they have one (structure tensor)."""
    along_x = cv2.Sobel(detail, cv2.CV_32F, 1, 0)
    along_y = cv2.Sobel(detail, cv2.CV_32F, 0, 1)
    xx, yy = float((along_x**2).mean()), float((along_y**2).mean())
    xy = float((along_x * along_y).mean())
    across = 0.5 * np.arctan2(2 * xy, xx - yy)
    coherence = np.hypot(xx - yy, 2 * xy) / max(xx + yy, 1e-12)
    return float(across + np.pi / 2), bool(coherence > _DIRECTED)


def _extent(part: Mask) -> float:
    """Return the side of a part, px: that of a square as large, and at least 24."""
    return float(max(24.0, np.sqrt(part.sum())))


def _edges(rng: np.random.Generator, part: Mask) -> tuple[PartEdge, ...]:
    """Return places on the outline of a part, borders of the image left out."""
    height, width = part.shape
    outlines, _ = cv2.findContours(part.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    edges = []
    for outline in outlines:
        points = outline[:, 0, :].astype(np.float64)
        if len(points) < 16:
            continue
        for index in rng.integers(len(points), size=_EDGES):
            x, y = points[index]
            if not (3 < x < width - 4 and 3 < y < height - 4):
                continue
            ahead, behind = points[(index + 6) % len(points)], points[index - 6]
            angle = float(np.arctan2(*(ahead - behind)[::-1]))
            edges.append(PartEdge((float(x), float(y)), _part_to_the_right(part, x, y, angle), 6.0))
    return tuple(edges)


def _part_to_the_right(part: Mask, x: float, y: float, angle: float) -> float:
    """Turn the direction of an edge about where the part does not lie across it."""
    inward = angle + np.pi / 2
    row = int(np.clip(y + 4 * np.sin(inward), 0, part.shape[0] - 1))
    column = int(np.clip(x + 4 * np.cos(inward), 0, part.shape[1] - 1))
    return angle if part[row, column] else angle + np.pi
