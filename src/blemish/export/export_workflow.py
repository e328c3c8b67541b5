"""The workflow: both model files, compared with their source before they take their names."""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from blemish import files
from blemish.config.export import Export
from blemish.errors import DataError, ModelFileError
from blemish.export.cases import Case, edge_cases
from blemish.export.graph import to_bytes, to_onnx
from blemish.export.parity import ParityReport, Subject, check_parity
from blemish.export.quantization import ChosenQuantization, Search
from blemish.image_statistics import summarise_values
from blemish.model import UNetTiny, load_trained
from blemish.model_card import ModelCard
from blemish.model_sessions import open_session
from blemish.operating_point import OperatingPoint
from blemish.packed import JoinedSet
from blemish.preprocessing import MODEL_SIZE, Resizing
from blemish.progress import Tell
from blemish.tiling import pad_reflect


@dataclass(frozen=True)
class Inputs:
    """Folders that export reads."""

    synthetic: Path
    real: Path
    trained: Path
    evaluated: Path

    def own_split(self, name: str) -> JoinedSet:
        """Open a split of the user's sets where it holds an image, else of the synthetic set."""
        own = JoinedSet.open([self.real], name)
        return own if len(own) else JoinedSet.open([self.synthetic], name)

    def searched(self, count: int) -> JoinedSet:
        """Return validation images to search on: half of the user's sets, the rest synthetic."""
        own = JoinedSet.open([self.real], "val").evenly(count // 2)
        synthetic = JoinedSet.open([self.synthetic], "val").evenly(count - len(own))
        return JoinedSet([*own.entries, *synthetic.entries])


@dataclass(frozen=True)
class Exported:
    """What export made, for a line of summary."""

    fp32_bytes: int
    int8_bytes: int
    found: ChosenQuantization
    report: ParityReport


def export(
    inputs: Inputs, out: Path, report: Path, params: Export, resizing: Resizing, *, tell: Tell
) -> Exported:
    """Export a trained network as ONNX, in fp32 and INT8.

    Args:
        inputs: Packed splits, trained network, evaluation.
        out: Folder for ``model.fp32.onnx`` and ``model.int8.onnx``.
        report: The file for the metrics of the parity contract.
        params: Of the search and the contract.
        resizing: How the images were brought to the model's scale.
        tell: Told what is being done.

    Raises:
        ParityError: A model answers differently from its source; nothing is written.
        DataError: A split is missing, corrupt or empty.
        ModelFileError: The trained network cannot be loaded.
    """
    torch.set_num_threads(params.threads)
    network = load_trained(inputs.trained)
    card = describe_model(inputs, network, resizing)
    counted = headline_sets(inputs.evaluated)
    tell("Exporting the graph")
    model = to_onnx(network)
    mass = _probability_mass(model.SerializeToString(), cases_of(inputs.own_split("val")))
    card = _with_statistic(card, "probability_mass", mass)
    tell("Searching the INT8 model")
    tiles = _calibration_tiles(inputs.own_split("train"), params.quantization.calibration_images)
    images = list(cases_of(inputs.searched(params.quantization.search_images)))
    edges = edge_cases()
    search = Search(model, edges, images, point=card.point, bounds=params.parity)
    found = search.run(tiles, params.quantization.room)
    fp32 = to_bytes(model, card.to_metadata())
    int8 = to_bytes(found.model, replace(card, precision="int8").to_metadata())
    tell("Comparing both files with their source")
    subject = Subject(network, fp32, int8, card.point)
    test = JoinedSet.open([inputs.synthetic, inputs.real], "test")
    parity = check_parity(subject, edges, cases_of(test, counted), params.parity)
    parity.require()
    files.write_bytes(out / "model.fp32.onnx", fp32)
    files.write_bytes(out / "model.int8.onnx", int8)
    files.write_json(report, _document(parity, found))
    return Exported(len(fp32), len(int8), found, parity)


def describe_model(inputs: Inputs, network: UNetTiny, resizing: Resizing) -> ModelCard:
    """Return what the fp32 file says of itself; INT8 differs in the precision alone.

    Raises:
        ModelFileError: The training, its threshold or its statistics cannot be read.
    """
    training = _read_json(inputs.trained / "training.json")
    chosen = _read_json(inputs.evaluated / "threshold.json")
    own = _read_json(inputs.real / "statistics.json")
    synthetic = _read_json(inputs.synthetic / "statistics.json")
    try:
        return ModelCard(
            fingerprint=str(training["fingerprint"]),
            precision="fp32",
            point=OperatingPoint(float(chosen["threshold"]), float(chosen["peak"])),
            stride=network.stride,
            tile=MODEL_SIZE,
            resizing=resizing,
            classes=tuple(sorted({*own["classes"], *synthetic["classes"]})),
            statistics=own if own["images"] else synthetic,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"A model cannot be described: {error!r} in training.json, threshold.json or "
            "statistics.json. Run: dvc repro"
        ) from error


def headline_sets(evaluated: Path) -> tuple[str, ...]:
    """Return the sets that the headline metrics are of, so that those of INT8 are of the same.

    Raises:
        ModelFileError: The evaluation cannot be read.
    """
    details = _read_json(evaluated / "details.json")
    try:
        return tuple(map(str, details["headline"]["sets"]))
    except (KeyError, TypeError) as error:
        raise ModelFileError(
            f"{evaluated / 'details.json'} names no headline set: {error!r}. Run: dvc repro"
        ) from error


def _probability_mass(model: bytes, images: Iterable[Case]) -> npt.NDArray[np.float64]:
    """Return the mean probability of each image; of validation, since training ones are learnt.

    Of the whole image, whatever its region of interest: serving knows none, and drift compares this
    with what serving logs.
    """
    session = open_session(model)
    return np.array([image.answer(session).mean(dtype=np.float64) for image in images])


def _with_statistic(card: ModelCard, name: str, values: npt.NDArray[np.float64]) -> ModelCard:
    """Add a statistic of the images that only the model knows."""
    known = card.statistics.get("figures", {})
    statistics = {**card.statistics, "figures": {**known, name: summarise_values(values)}}
    return replace(card, statistics=statistics)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path} cannot be read: {error}. Run: dvc repro") from error
    return content


def _calibration_tiles(images: JoinedSet, count: int) -> list[npt.NDArray[np.uint8]]:
    """Cut one tile from each of some images, spread evenly over a split.

    Every second tile shows a defect where its image does: in a large image the middle rarely
    does, and ranges that never saw a defect clip the very answers to one.
    """
    if len(images) == 0:
        raise DataError(
            "No image trains, so INT8 has nothing to be calibrated on. Lower preprocess.split.val "
            "and preprocess.split.test, then run: dvc repro"
        )
    chosen = images.evenly(count)
    tiles = []
    for place in range(len(chosen)):
        instances = chosen.instances(place)
        row, column = (side // 2 for side in instances.shape)
        if place % 2 == 0 and instances.any():
            row, column = np.argwhere(instances)[np.count_nonzero(instances) // 2].tolist()
        tiles.append(_cut_tile(chosen.image(place), row, column))
    return tiles


def _cut_tile(plane: npt.NDArray[np.uint8], row: int, column: int) -> npt.NDArray[np.uint8]:
    """Cut the tile around a pixel as far as the image reaches, shape ``(1, 1, H, W)``."""
    padded = pad_reflect(plane, MODEL_SIZE)
    top, left = (
        min(max(centre - MODEL_SIZE // 2, 0), side - MODEL_SIZE)
        for centre, side in zip((row, column), padded.shape, strict=True)
    )
    tile = padded[top : top + MODEL_SIZE, left : left + MODEL_SIZE]
    return np.ascontiguousarray(tile)[None, None]


def cases_of(images: JoinedSet, counted: Collection[str] | None = None) -> Iterator[Case]:
    """Yield images to compare on, with their truth where their set counts; None: all count."""
    for i in range(len(images)):
        annotation = images.annotation(i)
        counts = counted is None or annotation.set_name in counted
        truth = images.mask(i) if counts else None
        yield Case(annotation.image_id, images.image(i), truth, images.region(i))


def _document(parity: ParityReport, found: ChosenQuantization) -> dict[str, Any]:
    chosen = {
        "ranges": found.candidate.rule,
        "fp32_layers": list(found.candidate.kept),
        "test_dice": round(parity.int8.dice, 6),
        "test_iou": round(parity.int8.iou, 6),
    }
    return {**parity.document(), "int8": chosen}
