"""UNetTiny: its size, its shapes, and what it does not look at."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from blemish.errors import ModelFileError
from blemish.model import Probability, UNetTiny, load_trained, standardize

SIDES = st.integers(1, 4).map(lambda multiple: multiple * UNetTiny.stride)


@pytest.fixture(scope="module")
def network() -> UNetTiny:
    torch.manual_seed(0)
    return UNetTiny(width=8).eval()


def test_default_network_has_fewer_than_half_a_million_weights() -> None:
    """The network of the default width stays within its promised size."""
    assert sum(weight.numel() for weight in UNetTiny().parameters()) < 500_000


@settings(max_examples=10)
@given(height=SIDES, width=SIDES, count=st.integers(1, 3))
def test_any_multiple_of_the_stride_gives_a_logit_a_pixel(
    network: UNetTiny, height: int, width: int, count: int
) -> None:
    """Whatever multiples of the stride come in, the answer has the image's size."""
    image = torch.zeros((count, 1, height, width), dtype=torch.uint8)
    with torch.no_grad():
        logits = network(image)
    assert logits.shape == image.shape
    assert logits.dtype == torch.float32


def test_bytes_and_floats_of_the_same_levels_give_the_same_answer(network: UNetTiny) -> None:
    """An image may come as uint8 or as float32."""
    image = torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        torch.testing.assert_close(network(image), network(image.float()), rtol=0, atol=0)


def test_a_image_is_answered_alike_in_any_company(network: UNetTiny) -> None:
    """What else is in the batch does not change an image's answer."""
    images = torch.randint(0, 256, (3, 1, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        together, alone = network(images), network(images[1:2])
    torch.testing.assert_close(together[1:2], alone, rtol=1e-5, atol=1e-5)


def test_exposure_and_gain_hardly_matter() -> None:
    """Half the contrast on a brighter ground standardizes to the same image."""
    image = torch.rand((1, 1, 64, 64)) * 200
    torch.testing.assert_close(
        standardize(image), standardize(image * 0.5 + 90), rtol=0.02, atol=0.02
    )


@pytest.mark.parametrize("level", [0, 127, 255])
def test_flat_images_give_finite_answers(network: UNetTiny, level: int) -> None:
    """Black, grey and white images have no contrast and still an answer in [0, 1]."""
    image = torch.full((1, 1, 64, 64), level, dtype=torch.uint8)
    with torch.no_grad():
        probability = Probability(network)(image)
    assert torch.isfinite(probability).all()
    assert 0 <= float(probability.min()) <= float(probability.max()) <= 1


def test_missing_weights_are_an_error_that_names_the_command(tmp_path: Path) -> None:
    """An empty folder is refused with what to run."""
    with pytest.raises(ModelFileError, match="dvc repro train"):
        load_trained(tmp_path)
