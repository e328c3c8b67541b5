"""The workflow: choose the threshold on validation, measure on test, write everything down."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from blemish import files
from blemish.arrays import Map
from blemish.config.evaluate import Evaluate
from blemish.errors import DataError
from blemish.evaluation import gallery, reports, summary
from blemish.evaluation.choice import Choice, choose_point
from blemish.evaluation.judging import ImageResult, judge_image, unique_ids
from blemish.evaluation.prediction import load_fast, probability_of
from blemish.metrics import ThresholdHistogram, write_image_rows
from blemish.operating_point import OperatingPoint
from blemish.packed import PackedSet

Track = Callable[[Iterable[int], int, str], Iterable[int]]
"""Passes numbers on and shows how many of how many have passed, and what they are."""


@dataclass(frozen=True)
class Verdict:
    """What evaluation found, for a line of summary."""

    choice: Choice
    metrics: dict[str, float]
    images: int


def evaluate(
    data: Path, trained: Path, out: Path, written: Path, params: Evaluate, *, track: Track
) -> Verdict:
    """Evaluate a trained network.

    Args:
        data: The packed splits.
        trained: What training left.
        out: Folder for the threshold, per-image results, details and kept test images.
        written: Folder for ``metrics.json``, ``curves/`` and ``gallery/``.
        params: Rules, tolerances, sizes.
        track: Shows progress.

    Raises:
        DataError: A split is missing, torn or empty, or no validation image holds a defect.
        ModelFileError: The trained network cannot be loaded.
    """
    torch.set_num_threads(params.threads)
    network = load_fast(trained)
    validation, test = (_open(data, split) for split in ("val", "test"))
    choice = choose_point(_answers(network, validation, track, "Threshold"), params.threshold)
    results, pixels = _judge(network, test, choice.point, params, track)
    metrics = _write(out, written, test, results, pixels=pixels, choice=choice, params=params)
    _draw(
        written / "gallery",
        network,
        test,
        results,
        point=choice.point,
        params=params,
    )
    return Verdict(choice, metrics, len(results))


def _open(data: Path, split: str) -> PackedSet:
    packed = PackedSet.open(data, split)
    if len(packed) == 0:
        raise DataError(
            f"The split {split!r} at {data} holds no image. Raise preprocess.split.{split} or add "
            "images, then run: dvc repro"
        )
    return packed


def _answers(
    network: nn.Module, packed: PackedSet, track: Track, what: str
) -> Iterator[tuple[str, Map, npt.NDArray[np.bool_]]]:
    for i in track(range(len(packed)), len(packed), what):
        yield (
            packed.record(i).set_name,
            probability_of(network, packed.image(i)),
            packed.mask(i),
        )


def _judge(
    network: nn.Module, packed: PackedSet, point: OperatingPoint, params: Evaluate, track: Track
) -> tuple[list[ImageResult], reports.Pixels]:
    records = [packed.record(i) for i in range(len(packed))]
    names = unique_ids(records)
    pixels = reports.Pixels(ThresholdHistogram(), ThresholdHistogram())
    results = []
    for i in track(range(len(packed)), len(packed), "Test"):
        probability = probability_of(network, packed.image(i))
        instances = packed.instances(i)
        truth = instances > 0
        pixels.answered.add(probability, truth)
        pixels.marked.add(point.reach(probability), truth)
        results.append(
            judge_image(
                i,
                names[i],
                records[i],
                probability=probability,
                instances=instances,
                point=point,
                params=params,
            )
        )
    return results, pixels


def _write(
    out: Path,
    written: Path,
    packed: PackedSet,
    results: Sequence[ImageResult],
    *,
    pixels: reports.Pixels,
    choice: Choice,
    params: Evaluate,
) -> dict[str, float]:
    overall = summary.summarize(results, params.bootstrap)
    classes = summary.by_defect(results, summary.class_of)
    details: dict[str, Any] = {
        "threshold": vars(choice),
        "overall": overall,
        "sets": summary.by_set(results, params.bootstrap),
        "classes": classes,
        "width": summary.by_defect(results, summary.width_of),
        "area": summary.by_defect(results, summary.area_of),
        "visibility": summary.by_defect(results, summary.visibility_of),
        "calibration_error": pixels.answered.expected_calibration_error(),
        "kept_images": reports.write_test_images(out, packed, results, params.stored_megabytes),
    }
    metrics = reports.headline(overall, pixels)
    files.write_json(out / "threshold.json", vars(choice))
    rows = write_image_rows(reports.image_row(result) for result in results)
    files.write_text(out / "per_image.csv", rows)
    files.write_json(out / "per_class.json", classes)
    files.write_json(out / "details.json", details)
    reports.write_curves(written / "curves", pixels, classes)
    files.write_json(written / "metrics.json", metrics)
    return metrics


def _draw(
    folder: Path,
    network: nn.Module,
    packed: PackedSet,
    results: Sequence[ImageResult],
    *,
    point: OperatingPoint,
    params: Evaluate,
) -> None:
    def draw(result: ImageResult) -> bytes:
        plane, truth = packed.image(result.index), packed.mask(result.index)
        probability = probability_of(network, plane)
        return gallery.draw_picture(result, plane, truth, probability, point)

    folder.mkdir(parents=True, exist_ok=True)
    chosen = gallery.choose_pictures(results, params.gallery)
    for name, png in gallery.draw_all(chosen, draw).items():
        files.write_bytes(folder / name, png)
