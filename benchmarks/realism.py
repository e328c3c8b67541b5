"""How drawn images compare with photographs, in metrics that no mask is needed for.

Reads the real sets in ``BLEMISH_REAL_DATA`` and prints, for each metric, the quantiles of drawn
images and of each family of photographs, and how many of the photographs lie within the middle
nine tenths of what is drawn. A metric well inside says nothing; one far outside names a gap.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from blemish.arrays import Plane
from blemish.config import find_workspace, load_params, settings
from blemish.synthesis.scene import draw

_SIDE = 128  # px of the window that is measured, so that families of any size compare
_DRAWN = 400
_PHOTOGRAPHS = 150  # of a family, evenly spaced
_BAND = (1 / 64, 1 / 4)  # cycles a pixel, where the slope is fitted: below grain, above light


def brightness(plane: Plane) -> float:
    """Return the mean grey level."""
    return float(plane.mean())


def contrast(plane: Plane) -> float:
    """Return the deviation of the grey levels."""
    return float(plane.std())


def spectral_slope(plane: Plane) -> float:
    """Return the exponent of the power spectrum averaged over directions."""
    window = np.hanning(_SIDE)[:, None] * np.hanning(_SIDE)
    power = np.abs(np.fft.rfft2((plane - plane.mean()) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(_SIDE)[:, None], np.fft.rfftfreq(_SIDE))
    inside = (frequency > _BAND[0]) & (frequency < _BAND[1])
    slope, _ = np.polyfit(np.log(frequency[inside]), np.log(power[inside] + 1e-3), 1)
    return float(slope)


def gradient(plane: Plane) -> float:
    """Return the root mean square of the gradient, grey levels a pixel."""
    across, down = np.gradient(plane.astype(np.float64))
    return float(np.sqrt(np.mean(across**2 + down**2)))


def heavy_tails(plane: Plane) -> float:
    """Return the kurtosis of the horizontal and vertical differences; 3 for a Gaussian."""
    values = np.concatenate([np.diff(plane.astype(float), axis=axis).ravel() for axis in (0, 1)])
    values -= values.mean()
    return float(np.mean(values**4) / max(np.mean(values**2) ** 2, 1e-9))


def anisotropy(plane: Plane) -> float:
    """Return how much the main direction outweighs the other in the structure tensor, 0 to 1."""
    x, y = (cv2.Sobel(plane, cv2.CV_64F, *axes) for axes in ((1, 0), (0, 1)))
    along, across, mixed = (x * x).mean(), (y * y).mean(), (x * y).mean()
    return float(np.hypot(along - across, 2 * mixed) / max(along + across, 1e-9))


METRICS: dict[str, Callable[[Plane], float]] = {
    "brightness": brightness,
    "contrast": contrast,
    "spectral slope": spectral_slope,
    "gradient": gradient,
    "kurtosis of differences": heavy_tails,
    "anisotropy": anisotropy,
}


def drawn() -> Iterator[Plane]:
    """Yield the middles of drawn images."""
    params = load_params(find_workspace().params_file).generate
    for index in range(_DRAWN):
        yield _middle(draw(params.seed, params, index).image)


def families(root: Path) -> Iterator[tuple[str, list[Plane]]]:
    """Yield the name and the images of each folder that holds photographs, masks left out."""
    for folder in sorted(path for path in root.rglob("*") if path.is_dir()):
        files = sorted(path for path in folder.iterdir() if path.suffix in {".jpg", ".png", ".bmp"})
        images = [path for path in files if path.suffix == ".jpg"] or files
        planes = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in _spread(images)]
        large = [_middle(np.asarray(p, np.uint8)) for p in planes if p is not None]
        large = [plane for plane in large if plane.shape == (_SIDE, _SIDE)]
        if large:
            name = folder.parent.name if folder.name == "Imgs" else folder.name
            yield name, large


def _spread(paths: list[Path]) -> list[Path]:
    return paths[:: max(1, len(paths) // _PHOTOGRAPHS)]


def _middle(plane: Plane) -> Plane:
    top, left = (max(0, (side - _SIDE) // 2) for side in plane.shape)
    return plane[top : top + _SIDE, left : left + _SIDE]


def main() -> None:
    """Print one table a metric, as Markdown."""
    root = settings().real_data
    if root is None or not root.is_dir():
        sys.exit("No folder of real sets. Name one: BLEMISH_REAL_DATA=FOLDER")
    sets = {"drawn": list(drawn()), **dict(families(root))}
    for name, metric in METRICS.items():
        _show(name, {family: [metric(p) for p in planes] for family, planes in sets.items()})


def _show(name: str, values: dict[str, list[float]]) -> None:
    low, high = np.quantile(values["drawn"], (0.05, 0.95))
    table = Table("family", "5 %", "median", "95 %", "within drawn", title=name)
    for family, metrics in values.items():
        inside = np.mean([low <= metric <= high for metric in metrics])
        quantiles = (f"{q:.3g}" for q in np.quantile(metrics, (0.05, 0.5, 0.95)))
        table.add_row(family, *quantiles, f"{inside:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
