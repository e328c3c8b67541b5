"""A model file to probabilities: its card, its refusals, its tiles, its golden picture."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from integration.server.tiny_models import finish, metadata, tiny_model
from onnx import TensorProto, helper, numpy_helper

from blemish.errors import ModelFileError
from blemish.inference import ModelCard, Segmenter, golden_picture


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    """A model that marks what is dark."""
    return Segmenter.from_bytes(tiny_model(), threads=1)


def cast() -> list:  # type: ignore[type-arg]
    return [helper.make_node("Cast", ["image"], ["grey"], to=TensorProto.FLOAT)]


def test_the_card_is_read(segmenter: Segmenter) -> None:
    """What the metadata of a file say is on its card."""
    card = segmenter.card
    assert (card.precision, card.point.threshold, card.stride, card.tile) == ("fp32", 0.5, 8, 256)
    assert (card.classes, card.resizing.resize) == (("scratch",), "none")


@pytest.mark.parametrize(
    "change",
    [
        {"format": "2"},
        {"threshold": "high"},
        {"threshold": "nan"},
        {"threshold": "1.5"},
        {"stride": "0"},
        {"tile": "4"},
        {"resize": '"stretch"'},
        {"resize": "{"},
        {"classes": "scratch"},
        {"statistics": ""},
    ],
    ids=str,
)
def test_bad_cards_are_refused(change: dict[str, str]) -> None:
    """A card with a value that is not accepted is refused, and says what to do."""
    with pytest.raises(ModelFileError):
        ModelCard.from_metadata(metadata(**change))


def test_a_card_without_a_key_is_refused() -> None:
    """Each key is needed."""
    for key in metadata():
        with pytest.raises(ModelFileError):
            ModelCard.from_metadata({k: v for k, v in metadata().items() if k != key})


@pytest.mark.parametrize("data", [b"", b"hello", b"\x80\x04pickle", tiny_model()[:500]])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    """Bytes that are no ONNX model are refused by one kind of error."""
    with pytest.raises(ModelFileError):
        Segmenter.from_bytes(data)


def test_weights_outside_are_refused() -> None:
    """External data are refused, in initializers and in the nodes of inner graphs."""
    outside = numpy_helper.from_array(np.float32(0.0), "bias")
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="weights.bin")
    add = [helper.make_node("Add", ["grey", "bias"], ["probability"])]
    constant = [helper.make_node("Constant", [], ["bias"], value=outside)]
    for nodes, weights in (([*cast(), *add], [outside]), ([*cast(), *constant, *add], [])):
        with pytest.raises(ModelFileError, match="outside the model file"):
            Segmenter.from_bytes(finish(nodes, weights, metadata()))


@pytest.mark.parametrize(
    ("node", "fault"),
    [
        (helper.make_node("Log", ["grey"], ["probability"]), "NaN or infinity"),
        (helper.make_node("Identity", ["grey"], ["probability"]), "probabilities are 0 to 1"),
        (
            helper.make_node("AveragePool", ["grey"], ["probability"], kernel_shape=[2, 2]),
            "expected float32",
        ),
        (
            helper.make_node("RandomUniformLike", ["grey"], ["probability"]),
            "differently each time",
        ),
    ],
    ids=["log", "identity", "smaller", "random"],
)
def test_the_golden_picture_finds_out(node: object, fault: str) -> None:
    """A model whose answer has another shape, is not finite, or is no probability is found out."""
    node_before = helper.make_node("Mul", ["grey", "zero"], ["nothing"])
    zero = numpy_helper.from_array(np.float32(0.0), "zero")
    nodes = [*cast(), node]
    if node.op_type == "Log":  # type: ignore[attr-defined]
        nodes = [*cast(), node_before, helper.make_node("Log", ["nothing"], ["probability"])]
    model = Segmenter.from_bytes(finish(nodes, [zero], metadata()))
    with pytest.raises(ModelFileError, match=fault):
        model.check()


def test_the_golden_picture_never_changes() -> None:
    """The picture is the same in every release, since versions are compared on it."""
    picture = golden_picture(256)
    assert picture.shape == (256, 256)
    assert int(picture.astype(np.int64).sum()) == 8_785_074
    assert picture.min() == 40


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 700), width=st.integers(1, 700), seed=st.integers(0, 99))
def test_any_size_has_probabilities_of_its_size(height: int, width: int, seed: int) -> None:
    """Every size gets a map of its own size, in [0, 1], the same each time."""
    model = Segmenter.from_bytes(tiny_model(), threads=1)
    plane = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    first = model.probability(plane)
    assert first.shape == plane.shape
    assert first.dtype == np.float32
    assert 0.0 <= float(first.min()) <= float(first.max()) <= 1.0
    np.testing.assert_array_equal(first, model.probability(plane))


def test_inside_tiles_agree_with_the_whole(segmenter: Segmenter) -> None:
    """Away from the borders the blended tiles of a local model give what one run would."""
    plane = np.random.default_rng(0).integers(0, 256, (512, 768), dtype=np.uint8)
    whole = segmenter.run_shape(plane[None, None])[0, 0]
    np.testing.assert_allclose(
        segmenter.probability(plane)[1:-1, 1:-1], whole[1:-1, 1:-1], atol=0.02
    )


def test_threads_change_nothing(segmenter: Segmenter) -> None:
    """Sixteen threads on one session give the bytes that one gives."""
    planes = [
        np.random.default_rng(i).integers(0, 256, (40 + 30 * i, 500), dtype=np.uint8)
        for i in range(16)
    ]
    serial = [segmenter.probability(plane).tobytes() for plane in planes]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda plane: segmenter.probability(plane).tobytes(), planes))
    assert together == serial


def test_the_threshold_is_the_model_s_own(segmenter: Segmenter) -> None:
    """Without a threshold the card's is used; the mask is what reaches it."""
    plane = golden_picture(256)
    own, lower = segmenter.predict(plane), segmenter.predict(plane, 0.1)
    assert (own.threshold, lower.threshold) == (0.5, 0.1)
    np.testing.assert_array_equal(own.mask, own.probability >= 0.5)
    assert lower.mask.sum() >= own.mask.sum()


def test_a_prepared_picture_is_not_scaled_again(segmenter: Segmenter) -> None:
    """At the model's scale already, a picture is answered as by a model that scales nothing."""
    data = tiny_model(props=metadata(resize='{"scale": 0.5}'))
    halving = Segmenter.from_bytes(data, threads=1)
    plane = np.random.default_rng(0).integers(40, 120, (90, 140), dtype=np.uint8)
    expected = segmenter.probability(plane)
    np.testing.assert_array_equal(halving.probability(plane, prepared=True), expected)
    assert np.abs(halving.probability(plane) - expected).max() > 0.05
