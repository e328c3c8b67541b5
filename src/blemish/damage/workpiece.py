"""A piece of metal before the camera: its surface, its outline, its lighting."""

from dataclasses import dataclass

from blemish.damage.geometry import Window
from blemish.damage.noise import Field


@dataclass
class PartEdge:
    """A border of the part: a straight or slightly bent line, the part on its positive side.

    Attributes:
        point: A point of it, ``(x, y)``, px.
        angle: Direction of the line, radians; the part lies across it, to its right.
        length: How far it runs, px, ``point`` in its middle; None for a border without an end.
    """

    point: tuple[float, float]
    angle: float
    length: float | None = None


@dataclass
class Workpiece:
    """The part before the camera, and the light on it.

    Attributes:
        reflectance: Brightness before lighting, about 1, shape ``(H, W)``.
        lighting: Brightness of the light on each pixel, about 1, shape ``(H, W)``.
        part: 1 on the part, 0 beside it, shape ``(H, W)``; None where the part fills the image.
        background: Light from what lies beside the part, same shape; None where nothing does.
        edges: Borders of the part inside the image.
        surface: Name of the process.
        lay: Direction of its marks, radians.
        light: Where the light comes from, radians.
        unit: Magnification: pixels in the image for each pixel of the nominal drawing.
        contrast: Deviation of the reflectance by the marks of the process.
        local_contrast: The same from place to place, shape ``(H, W)``; None where it is even.
        extent: Side of the part, px, by which the sizes of defects are capped; None where that is
            the longer side of the image.
    """

    reflectance: Field
    lighting: Field
    part: Field | None
    edges: tuple[PartEdge, ...]
    surface: str
    lay: float
    light: float
    unit: float
    contrast: float
    local_contrast: Field | None = None
    extent: float | None = None
    background: Field | None = None

    def contrast_in(self, box: Window) -> float:
        """Return the deviation of the reflectance by the marks of the process in a box."""
        if self.local_contrast is None:
            return self.contrast
        return float(self.local_contrast[box.slices].mean())

    @property
    def side(self) -> float:
        """Length, px, by which the sizes of defects are capped."""
        return float(max(self.shape)) if self.extent is None else self.extent

    @property
    def shape(self) -> tuple[int, int]:
        """``(H, W)``."""
        return self.reflectance.shape[0], self.reflectance.shape[1]
