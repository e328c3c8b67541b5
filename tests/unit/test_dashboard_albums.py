"""Albums of pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from blemish.dashboard.albums import album_of_uploads
from blemish.errors import ImageError
from blemish.imaging import decode_image


def png(level: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 6), level, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def test_uploads_that_are_refused_carry_the_reason_of_the_decode_gate() -> None:
    """A broken file leaves the album, with the sentence that the API gives for it."""
    broken = png(1)[:30]
    with pytest.raises(ImageError) as refused:
        decode_image(broken)
    album = album_of_uploads([("good.png", png(9)), ("broken.png", broken)])
    assert [entry.image_id for entry in album.entries] == ["good.png"]
    assert album.refused == (("broken.png", str(refused.value)),)
    assert album.picture(0).plane.shape == (8, 6)
    assert album.picture(0).truth is None


def test_two_uploads_of_one_name_are_two_pictures() -> None:
    """The second of a name gets a number, and each shows its own pixels."""
    album = album_of_uploads([("x.png", png(1)), ("x.png", png(2)), ("x.png", png(3))])
    assert [entry.image_id for entry in album.entries] == ["x.png", "x.png (2)", "x.png (3)"]
    assert [int(album.picture(n).plane[0, 0]) for n in range(3)] == [1, 2, 3]
    assert album.index("x.png (2)") == 1
    assert album.index("y.png") is None


def test_the_digest_follows_the_content() -> None:
    """The same files give the same digest, other pixels another."""
    assert album_of_uploads([("a", png(1))]).digest == album_of_uploads([("a", png(1))]).digest
    assert album_of_uploads([("a", png(1))]).digest != album_of_uploads([("a", png(2))]).digest
