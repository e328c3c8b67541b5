"""A model file to probabilities: its card, its refusals, its tiles, its golden image."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from integration.server.tiny_models import finish, metadata, slow_on_white, tiny_model
from onnx import TensorProto, helper, numpy_helper

from blemish.errors import InferenceInterruptedError, ModelFileError, ModelOutputError
from blemish.inference import Segmenter, golden_image
from blemish.interruption import Interruption
from blemish.model_card import ModelCard


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
        {"statistics": "[1]"},
        {"statistics": "[" * 100_000},
        {"statistics": '{"a": "%s"}' % ("x" * (2 << 20))},
        {"classes": "[" + "1," * 200_000 + "1]"},
        {"classes": str(["x"] * 1001).replace("'", '"')},
        {"tile": "1" * 5000},
    ],
    ids=lambda change: str(change)[:40],
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


class Wavering:
    """A session whose answer changes from one run to the next."""

    def __init__(self, answers: list[np.ndarray]) -> None:
        self.answers = answers

    def run(self, *_: object) -> list[np.ndarray]:
        return [self.answers.pop()]


def test_a_model_that_changes_its_mind_is_found_out() -> None:
    """Two answers to the golden image must be the same, bit for bit."""
    answers = [np.full((1, 1, 256, 256), level, np.float32) for level in (0.25, 0.5)]
    model = Segmenter(Wavering(answers), ModelCard.from_metadata(metadata()))
    with pytest.raises(ModelFileError, match="differently each time"):
        model.check()


def test_a_sure_model_whose_sigmoid_rounds_above_one_is_sound() -> None:
    """Values up to 1e-5 outside 0 to 1 are rounding: accepted, and clipped after the run."""
    level = np.float32(1.0000001)
    card = ModelCard.from_metadata(metadata())
    golden = golden_image(256)[None, None]
    answers = [np.full((1, 1, 256, 256), level, np.float32) for _ in range(3)]
    model = Segmenter(Wavering(answers), card)
    model.check()
    assert model.run(golden).max() == 1.0
    wrong = [np.full((1, 1, 256, 256), 1.0001, np.float32) for _ in range(2)]
    with pytest.raises(ModelFileError, match="probabilities are 0 to 1"):
        Segmenter(Wavering(wrong), card).check()
    lost = [np.full((1, 1, 256, 256), np.nan, np.float32)]
    with pytest.raises(ModelOutputError, match="nan to nan"):
        Segmenter(Wavering(lost), card).run(golden)
    infinite = [np.full((1, 1, 256, 256), np.inf, np.float32)]
    with pytest.raises(ModelOutputError, match="inf to inf"):  # which clipping would make 1
        Segmenter(Wavering(infinite), card).run(golden)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.0001, -0.0001])
def test_what_is_no_probability_never_leaves_a_run(value: float) -> None:
    """One value of a run that is not finite, or outside 0 to 1 by more than rounding, is found."""
    answer = np.full((1, 1, 256, 256), 0.5, np.float32)
    answer[0, 0, 7, 7] = value
    model = Segmenter(Wavering([answer]), ModelCard.from_metadata(metadata()))
    with pytest.raises(ModelOutputError, match="probabilities are 0 to 1"):
        model.probability(golden_image(256))


def test_an_endless_run_is_ended_from_another_thread() -> None:
    """A graph that runs for minutes ends soon after it was told to, and no other run begins."""
    model = Segmenter.from_bytes(slow_on_white(), threads=1)
    model.check()
    white = np.full((256, 256), 255, np.uint8)
    interruption = Interruption()
    timer = threading.Timer(0.3, interruption.stop)
    timer.start()
    begin = time.monotonic()
    with pytest.raises(InferenceInterruptedError):
        model.probability(white, interruption=interruption)
    assert time.monotonic() - begin < 5.0
    with pytest.raises(InferenceInterruptedError):
        model.probability(white, interruption=interruption)


def test_several_images_of_one_request_warn_of_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """onnxruntime writes past our log where an option of a run is given twice."""
    model, interruption = Segmenter.from_bytes(tiny_model(level=100.0)), Interruption()
    for plane in (golden_image(64), golden_image(64)):
        model.run_shape(plane[None, None], interruption)
    assert capfd.readouterr() == ("", "")


def test_a_card_is_written_as_it_is_read() -> None:
    """The metadata that a card writes are those it was read from."""
    said = metadata(peak="0.25", classes='["pit", "scratch"]', statistics='{"images":3}')
    assert ModelCard.from_metadata(said).to_metadata() == said


@pytest.mark.parametrize(
    ("node", "fault"),
    [
        (helper.make_node("Log", ["grey"], ["probability"]), "NaN or infinity"),
        (helper.make_node("Identity", ["grey"], ["probability"]), "probabilities are 0 to 1"),
        (
            helper.make_node("AveragePool", ["grey"], ["probability"], kernel_shape=[2, 2]),
            "expected float32",
        ),
    ],
    ids=["log", "identity", "smaller"],
)
def test_the_golden_image_finds_out(node: object, fault: str) -> None:
    """A model whose answer has another shape, is not finite, or is no probability is found out."""
    node_before = helper.make_node("Mul", ["grey", "zero"], ["nothing"])
    zero = numpy_helper.from_array(np.float32(0.0), "zero")
    nodes = [*cast(), node]
    if node.op_type == "Log":  # type: ignore[attr-defined]
        nodes = [*cast(), node_before, helper.make_node("Log", ["nothing"], ["probability"])]
    model = Segmenter.from_bytes(finish(nodes, [zero], metadata()))
    with pytest.raises(ModelFileError, match=fault):
        model.check()


def test_the_golden_image_never_changes() -> None:
    """The image is the same in every release, since versions are compared on it."""
    image = golden_image(256)
    assert image.shape == (256, 256)
    assert int(image.astype(np.int64).sum()) == 8_785_074
    assert image.min() == 40


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
    plane = golden_image(256)
    own, lower = segmenter.predict(plane), segmenter.predict(plane, 0.1)
    assert (own.threshold, lower.threshold) == (0.5, 0.1)
    np.testing.assert_array_equal(own.mask, own.probability >= 0.5)
    assert lower.mask.sum() >= own.mask.sum()


def test_a_prepared_image_is_not_scaled_again(segmenter: Segmenter) -> None:
    """At the model's scale already, an image is answered as by a model that scales nothing."""
    data = tiny_model(props=metadata(resize='{"scale": 0.5}'))
    halving = Segmenter.from_bytes(data, threads=1)
    plane = np.random.default_rng(0).integers(40, 120, (90, 140), dtype=np.uint8)
    expected = segmenter.probability(plane)
    np.testing.assert_array_equal(halving.probability(plane, prepared=True), expected)
    assert np.abs(halving.probability(plane) - expected).max() > 0.05
