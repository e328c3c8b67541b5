"""The largest image that is decoded, and the refusals that all formats share."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from blemish.errors import ImageContentError, ImageSizeError

if TYPE_CHECKING:
    from blemish.config.serve import Serve

ACCEPTED = "PNG, JPEG, BMP, single-page TIFF or still WebP, 8 or 16 bit"


@dataclass(frozen=True)
class Limits:
    """The largest image that is decoded."""

    megabytes: int = 32
    """Most encoded bytes, 1 MB being 1,000,000 bytes."""
    megapixels: int = 50
    """Most pixels, width times height, in millions."""
    side: int = 16_384
    """Most pixels of width and of height."""

    @classmethod
    def of(cls, serve: "Serve") -> Self:
        """Take the limits that ``params.yaml`` sets."""
        return cls(serve.megabytes, serve.megapixels, serve.side)

    def check(self, width: int, height: int) -> None:
        """Refuse a size in pixels that is nothing, or more than the limits.

        Raises:
            ImageContentError: A side is below 1.
            ImageSizeError: The image is too large.
        """
        if width < 1 or height < 1:
            raise ImageContentError(
                f"The image has {width} x {height} pixels; it needs at least 1."
            )
        if max(width, height) > self.side or width * height > self.megapixels * 1_000_000:
            raise ImageSizeError(
                f"The image has {width} x {height} pixels; accepted are {self.megapixels} "
                f"megapixels, no side longer than {self.side}."
            )


def corrupt(form: str, fault: str) -> ImageContentError:
    """Return the refusal of an image of format ``form`` that cannot be read whole."""
    return ImageContentError(f"The {form} is corrupt: {fault}. Save or send the image again.")
