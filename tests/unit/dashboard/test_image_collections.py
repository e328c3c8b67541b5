"""Albums of images."""

import io

import numpy as np
import pytest
from PIL import Image

from blemish.dashboard.image_collections import collection_of_uploads
from blemish.errors import ImageError
from blemish.imaging import decode_image


def png(level: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 6), level, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def test_uploads_that_are_refused_carry_the_reason_of_the_decode_gate() -> None:
    """A broken file leaves the collection, with the sentence that the API gives for it."""
    broken = png(1)[:30]
    with pytest.raises(ImageError) as refused:
        decode_image(broken)
    collection = collection_of_uploads([("good.png", png(9)), ("broken.png", broken)])
    assert [entry.image_id for entry in collection.entries] == ["good.png"]
    assert collection.refused == (("broken.png", str(refused.value)),)
    assert collection.image(0).plane.shape == (8, 6)
    assert collection.image(0).truth is None


def test_two_uploads_of_one_name_are_two_images() -> None:
    """The second of a name gets a number, and each shows its own pixels."""
    collection = collection_of_uploads([("x.png", png(1)), ("x.png", png(2)), ("x.png", png(3))])
    assert [entry.image_id for entry in collection.entries] == ["x.png", "x.png (2)", "x.png (3)"]
    assert [int(collection.image(n).plane[0, 0]) for n in range(3)] == [1, 2, 3]
    assert collection.index("x.png (2)") == 1
    assert collection.index("y.png") is None


def test_the_digest_follows_the_content() -> None:
    """The same files give the same digest, other pixels another."""
    assert (
        collection_of_uploads([("a", png(1))]).digest
        == collection_of_uploads([("a", png(1))]).digest
    )
    assert (
        collection_of_uploads([("a", png(1))]).digest
        != collection_of_uploads([("a", png(2))]).digest
    )


def test_a_mask_that_is_uploaded_is_the_truth_of_its_image() -> None:
    """``x.mask.png`` gives the truth of ``x.png``; one of another size, or of no image, is said."""
    white = png(255)
    collection = collection_of_uploads(
        [("x.png", png(9)), ("x.mask.png", white), ("y.png", png(9))]
    )
    assert [entry.image_id for entry in collection.entries] == ["x.png", "y.png"]
    truth = collection.image(0).truth
    assert truth is not None
    assert truth.all()
    assert collection.image(1).truth is None
    stream = io.BytesIO()
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(stream, "PNG")
    files = [("x.png", png(9)), ("x.mask.png", stream.getvalue()), ("z.mask.png", white)]
    refused = dict(collection_of_uploads(files).refused)
    assert "3 x 3" in refused["x.png"]
    assert "No image of that name" in refused["z.mask.png"]
