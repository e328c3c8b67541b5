"""The two versions that a page compares."""

from dataclasses import dataclass

from blemish.inference import Segmenter
from blemish.operating_point import OperatingPoint
from blemish.registry import Version


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes:
        letter: ``A`` or ``B``.
        name: Reference by which the person chose it.
        version: From the registry.
        model: Its file, loaded.
    """

    letter: str
    name: str
    version: Version
    model: Segmenter

    @property
    def title(self) -> str:
        """Short, for panes and legends."""
        return f"{self.letter}: version {self.version.version}"

    def point_at(self, threshold: float) -> OperatingPoint:
        """Return the operating point with another threshold and the version's own peak."""
        return OperatingPoint(threshold, self.model.card.point.peak)


@dataclass(frozen=True)
class Pair:
    """The two versions that are compared."""

    a: Side
    b: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        """Version A, then version B."""
        return self.a, self.b
