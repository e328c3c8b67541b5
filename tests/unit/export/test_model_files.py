"""The exported files: their contract, their answers, and what parity refuses of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from small_world import (
    THRESHOLD,
    read_json,
)
from unit.export.tiny_export import ROOT, params, silently, write_inputs

import blemish.export.export_workflow as workflow_module
from blemish.arrays import Plane
from blemish.config.export import Parity
from blemish.config.preprocess import Scale
from blemish.errors import ModelFileError, ParityError
from blemish.export import export, quantization
from blemish.export.calibration import RULES, Activations
from blemish.export.cases import Case, edge_cases
from blemish.export.export_workflow import Exported, Inputs, cases_of
from blemish.export.graph import clean, to_bytes
from blemish.export.parity import Subject, check_parity
from blemish.export.quantization import quantize
from blemish.inference import Segmenter, golden_image
from blemish.model import Probability, UNetTiny, load_trained
from blemish.model_sessions import open_session
from blemish.operating_point import OperatingPoint
from blemish.preprocessing import Resizing


class World(NamedTuple):
    inputs: Inputs
    out: Path
    report: Path
    made: Exported

    def file(self, precision: str) -> bytes:
        return (self.out / f"model.{precision}.onnx").read_bytes()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Export a small trained network once."""
    root = tmp_path_factory.mktemp("export")
    inputs, out, report = write_inputs(root), root / "out", root / "parity.json"
    made = export(inputs, out, report, params(), Resizing(), tell=silently)
    return World(inputs, out, report, made)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_model_file_fulfils_its_contract(world: World, precision: str) -> None:
    """Input, output, metadata and weights are what serving expects, read by its own reader."""
    data = world.file(precision)
    card = Segmenter.from_bytes(data).card
    assert (card.precision, card.point.threshold, card.tile) == (precision, THRESHOLD, 256)
    assert card.stride == UNetTiny.stride
    assert card.classes == ("pit", "scratch")
    assert card.fingerprint == "f" * 64
    assert card.statistics["images"] == 24
    graph = onnx.load_model_from_string(data).graph
    shape = [d.dim_param or d.dim_value for d in graph.input[0].type.tensor_type.shape.dim]
    assert shape == ["N", 1, "H", "W"]
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert all(t.data_location == onnx.TensorProto.DEFAULT for t in graph.initializer)
    assert "BatchNormalization" not in {node.op_type for node in graph.node}


@pytest.mark.parametrize(
    ("weight", "bias"),
    [(1e4, 0.0), (0.0, 0.0), (0.0, 100.0), (0.0, -100.0), (1e-3, 0.0)],
    ids=["very sure", "constant", "always", "never", "after one epoch"],
)
def test_a_sound_model_is_not_refused(world: World, weight: float, bias: float) -> None:
    """A model that is very sure, answers the same everywhere or has hardly learned is sound."""
    model = onnx.load_model_from_string(world.file("fp32"))
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    for tensor in model.graph.initializer:
        if tensor.name.startswith("network.head."):
            head = onnx.numpy_helper.to_array(tensor)
            changed = head * np.float32(weight) + np.float32(bias if head.ndim == 1 else 0.0)
            tensor.CopyFrom(onnx.numpy_helper.from_array(changed, tensor.name))
    tile = golden_image(256)[None, None]
    ranges = Activations(model, [tile, 255 - tile]).ranges("min-max")
    for graph in (model, quantize(model, ranges)):
        segmenter = Segmenter.from_bytes(to_bytes(graph, metadata))
        segmenter.check()
        probability = segmenter.probability(golden_image(300))
        assert 0.0 <= probability.min() <= probability.max() <= 1.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_weights_that_are_not_finite_are_found(world: World, precision: str, value: float) -> None:
    """NaN and infinity in any float tensor of the clipped graph keep a file from loading."""
    model = onnx.load_model_from_string(world.file(precision))
    assert [node.op_type for node in model.graph.node][-1] == "Clip"
    places = [t.name for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    assert places
    for place in places:
        lost = onnx.ModelProto()
        lost.CopyFrom(model)
        (tensor,) = (t for t in lost.graph.initializer if t.name == place)
        values = onnx.numpy_helper.to_array(tensor).copy()
        values.flat[0] = value
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, place))
        with pytest.raises(ModelFileError, match="NaN or infinite"):
            Segmenter.from_bytes(lost.SerializeToString())


def test_nan_passes_the_clip(world: World) -> None:
    """A network that answers NaN is found by the golden image, clipped or not."""
    model = onnx.load_model_from_string(world.file("fp32"))
    (tensor,) = (t for t in model.graph.initializer if t.name == "network.head.weight")
    tensor.CopyFrom(
        onnx.numpy_helper.from_array(np.full(tuple(tensor.dims), np.nan, np.float32), tensor.name)
    )
    card = Segmenter.from_bytes(world.file("fp32")).card
    lost = Segmenter(open_session(model.SerializeToString()), card)
    with pytest.raises(ModelFileError, match="NaN"):
        lost.check()


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("shape", [(1, 1, 64, 64), (3, 1, 96, 160), (17, 1, 64, 96)])
def test_any_batch_and_any_multiple_of_the_stride_run(
    world: World, precision: str, shape: tuple[int, ...]
) -> None:
    """The file takes any batch, and each image of it gets the answer that it gets alone."""
    batch = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    session = open_session(world.file(precision))
    (together,) = session.run(["probability"], {"image": batch})
    assert together.shape == shape
    assert together.dtype == np.float32
    (alone,) = session.run(["probability"], {"image": batch[-1:]})
    np.testing.assert_allclose(together[-1:], alone, atol=1e-6)


def test_fp32_answers_as_pytorch(world: World) -> None:
    """Probabilities on every edge case differ from PyTorch's by float rounding only."""
    network = Probability(load_trained(world.inputs.trained)).eval()
    session = open_session(world.file("fp32"))
    for case in edge_cases():

        def model(batch: Plane) -> npt.NDArray[np.float32]:
            with torch.inference_mode():
                return network(torch.from_numpy(batch)).numpy()

        np.testing.assert_allclose(case.answer(session), case.answer_by(model), atol=2e-5)


def test_int8_is_small_and_holds_int8_weights(world: World) -> None:
    """Most convolutions have int8 weights, which use 7 of their 8 bits."""
    model = onnx.load_model_from_string(world.file("int8"))
    weights = [
        onnx.numpy_helper.to_array(t)
        for t in model.graph.initializer
        if t.data_type == onnx.TensorProto.INT8 and len(t.dims) == 4
    ]
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert len(weights) > len(convolutions) / 2
    assert max(int(np.abs(w.astype(int)).max()) for w in weights) <= 64
    assert len(world.file("int8")) < 0.5 * len(world.file("fp32"))


@pytest.mark.parametrize(("count", "resizes"), [(1, 2), (5, 3)])
def test_rewriting_changes_no_bit_of_int8(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int, resizes: int
) -> None:
    """With the last layers in fp32 too; what the rewriting is for is gone from the graph.

    Two resizes belong to the normalisation. The network's pixel shuffle answers 4 x 4 at a time.
    """
    model = onnx.load_model_from_string(world.file("fp32"))
    tile = golden_image(256)[None, None]
    ranges = Activations(model, [tile, 255 - tile]).ranges("min-max")
    kept = quantization._order_of_layers(model)[:count]
    fast = quantize(model, ranges, kept)
    monkeypatch.setattr(quantization, "rewrite_quantized", lambda _: None)
    slow = quantize(model, ranges, kept)
    operators = [[node.op_type for node in graph.graph.node] for graph in (fast, slow)]
    assert operators[0].count("Resize") == resizes
    assert operators[1].count("Resize") == 6
    assert operators[0].count("DepthToSpace") == (count > 1)
    sessions = [open_session(graph.SerializeToString()) for graph in (fast, slow)]
    for case in edge_cases():
        np.testing.assert_array_equal(*(case.answer(session) for session in sessions))


def test_the_report_holds_metrics_and_bounds(world: World) -> None:
    """parity.json has a value within its bound for each metric, and says what the search took."""
    report = read_json(world.report)
    chosen = report.pop("int8")
    assert chosen["ranges"] in RULES
    assert len(report) == 7
    assert all(0 <= metric["value"] <= metric["bound"] for metric in report.values())


def test_the_same_inputs_give_the_same_files(world: World, tmp_path: Path) -> None:
    """Exported again from a longer path, in a used process, both files are byte for byte equal."""
    folder = tmp_path / "somewhere" / "else entirely"
    inputs = write_inputs(folder)
    export(inputs, folder / "out", folder / "parity.json", params(), Resizing(), tell=silently)
    for precision in ("fp32", "int8"):
        again = (folder / "out" / f"model.{precision}.onnx").read_bytes()
        assert again == world.file(precision)
    assert (folder / "parity.json").read_bytes() == world.report.read_bytes()


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_no_path_is_inside(world: World, precision: str) -> None:
    """Neither this checkout, the libraries, nor a source file is named in the file."""
    data = world.file(precision)
    for word in (str(ROOT).encode(), b"site-packages", b".py", b"/home", b"stack_trace"):
        assert word not in data


@pytest.mark.parametrize(
    ("resize", "written"), [("fit", '"fit"'), (Scale(scale=0.5), '{"scale": 0.5}')]
)
def test_the_choice_of_size_travels_in_the_file(
    world: World, resize: str | Scale, written: str
) -> None:
    """What preprocess did to the images is what serving will do."""
    described = workflow_module.describe_model(
        world.inputs,
        load_trained(world.inputs.trained),
        Resizing(resize),  # type: ignore[arg-type]  # one of both
    )
    assert described.to_metadata()["blemish.resize"] == written


class Broken(NamedTuple):
    """Good files of a subject, and the images to compare on."""

    subject: Subject
    edges: tuple[Case, ...]
    images: tuple[Case, ...]
    bounds: Parity


@pytest.fixture
def subject(world: World) -> Broken:
    network = load_trained(world.inputs.trained)
    images = tuple(cases_of(world.inputs.own_split("test")))
    good = Subject(network, world.file("fp32"), world.file("int8"), OperatingPoint(THRESHOLD))
    return Broken(good, edge_cases(), images, params().parity)


def edited(data: bytes, change: Callable[[onnx.ModelProto], None]) -> bytes:
    model = onnx.load_model_from_string(data)
    change(model)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def swap_normalisation(model: onnx.ModelProto) -> None:
    """Take the image from its mean instead of the mean from the image."""
    node = next(node for node in model.graph.node if node.op_type == "Sub")
    node.input[0], node.input[1] = node.input[1], node.input[0]


def grow_a_scale(model: onnx.ModelProto, place: int) -> None:
    """Quantize one activation with twice the scale that it is read back with."""
    name = [n.input[1] for n in model.graph.node if n.op_type == "QuantizeLinear"][place]
    tensor = next(t for t in model.graph.initializer if t.name == name)
    value = onnx.numpy_helper.to_array(tensor)
    model.graph.initializer.append(onnx.numpy_helper.from_array(value, f"{name}_read"))
    tensor.CopyFrom(onnx.numpy_helper.from_array(value * np.float32(2), name))
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[1] == name:
            node.input[1] = f"{name}_read"


def test_good_files_pass(subject: Broken) -> None:
    """The files as exported keep every bound."""
    report = check_parity(*subject)
    report.require()
    assert {metric.name for metric in report.metrics} >= {"fp32_probability", "int8_flipped"}


def test_a_swapped_normalisation_is_refused(subject: Broken) -> None:
    """An fp32 file that normalises the wrong way round breaks the bound on probability."""
    broken = edited(subject.subject.fp32, swap_normalisation)
    bad = subject._replace(subject=replace(subject.subject, fp32=broken))
    with pytest.raises(ParityError, match=r"fp32_probability.*\n[^$]*export\.parity"):
        check_parity(*bad).require()


@pytest.mark.parametrize("place", [0, -2, -1])
def test_a_wrong_scale_in_int8_is_refused(subject: Broken, place: int) -> None:
    """An INT8 file with one wrong scale, at either end, loads and runs and is refused."""
    broken = edited(subject.subject.int8, lambda model: grow_a_scale(model, place))
    bad = subject._replace(subject=replace(subject.subject, int8=broken))
    report = check_parity(*bad)
    names = {metric.name for metric in report.metrics if not metric.kept}
    assert names
    assert all(name.startswith("int8_") for name in names)
    with pytest.raises(ParityError, match=r"neither file.*\n[^$]*INT8.*export\.quantization\.room"):
        report.require()


def test_a_graph_is_cleared_of_all_that_explains_it(world: World) -> None:
    """Nodes have plain names and no descriptions; clearing and saving again change nothing."""
    data = world.file("fp32")
    model = onnx.load_model_from_string(data)
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    assert [node.name for node in model.graph.node][:2] == ["Cast_0", "ReduceMean_1"]
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    cleared = clean(model)
    assert not cleared.metadata_props
    assert to_bytes(cleared, metadata) == data
