"""The workflow: choose the threshold on validation, measure on test, write everything down."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from blemish import files
from blemish.arrays import Map
from blemish.config.drawing import Drawing
from blemish.config.evaluate import Evaluate
from blemish.errors import DataError
from blemish.evaluation import gallery, reports, summary
from blemish.evaluation.basis import Basis, choose_basis, read_folds
from blemish.evaluation.choice import Choice, choose_point
from blemish.evaluation.fast_network import load_fast, probability_of
from blemish.evaluation.headline import Headline, headline_metrics
from blemish.evaluation.judging import ImageResult, judge_image, unique_ids
from blemish.metrics import ThresholdHistogram, write_image_rows
from blemish.operating_point import OperatingPoint, within
from blemish.packed import JoinedSet
from blemish.progress import Track


@dataclass(frozen=True)
class SplitFolders:
    """Folders of packed splits."""

    synthetic: Path
    real: Path

    def split(self, name: str) -> JoinedSet:
        """Open a split of the synthetic set and of the user's sets, as one."""
        return JoinedSet.open([self.synthetic, self.real], name)


@dataclass(frozen=True)
class Verdict:
    """What evaluation found, for a line of summary."""

    choice: Choice
    metrics: dict[str, float]
    headline: Headline
    basis: str


def evaluate(
    data: SplitFolders,
    trained: Path,
    out: Path,
    written: Path,
    params: Evaluate,
    *,
    drawing: Drawing,
    track: Track,
) -> Verdict:
    """Evaluate a trained network.

    Args:
        data: The packed splits.
        trained: What fine-tuning left.
        out: Folder for the operating point, per-image results, details, and the test and
            validation images that are kept.
        written: Folder for ``metrics.json``, ``curves/`` and ``gallery/``.
        params: Rules, tolerances, sizes.
        drawing: What fine-tuning drew onto clean photographs.
        track: Shows progress.

    Raises:
        DataError: A split is missing or corrupt, or the synthetic one is empty.
        ModelFileError: The trained network cannot be loaded.
    """
    torch.set_num_threads(params.threads)
    network = load_fast(trained)
    test, validation = data.split("test"), data.split("val")
    if len(test) == 0 or len(validation) == 0:
        raise DataError(
            f"The splits at {data.synthetic} hold {len(validation)} validation and {len(test)} "
            "test images; at least one of each is needed. Raise preprocess.split.val and "
            "preprocess.split.test or add images, then run: dvc repro"
        )
    choice, basis = choose_operating_point(
        network, data, trained, params, drawing=drawing, track=track
    )
    results = list(judge_split(network, test, choice.point, params, track=track, what="Test"))
    metrics, headline = _write(
        out, written, test, results, network=network, choice=choice, basis=basis, params=params
    )
    _keep_validation(out, network, validation, choice.point, params, track=track)
    _draw(
        written / "gallery",
        network,
        test,
        headline.chosen(results),
        point=choice.point,
        params=params,
    )
    return Verdict(choice, metrics, headline, basis.sentence)


def choose_operating_point(
    network: nn.Module,
    data: SplitFolders,
    trained: Path,
    params: Evaluate,
    *,
    drawing: Drawing,
    track: Track,
) -> tuple[Choice, Basis]:
    """Choose threshold and peak of a network, and say on which images.

    Args:
        network: As loaded from ``trained``.
        data: The packed splits.
        trained: What fine-tuning left, with the networks of its folds.
        params: The rule, and the seed of the drawing.
        drawing: What fine-tuning drew onto clean photographs.
        track: Shows progress.
    """
    folds = read_folds(trained)
    basis = choose_basis(
        JoinedSet.open([data.synthetic], "val"),
        JoinedSet.open([data.real], "val"),
        JoinedSet.open([data.real], "train"),
        folds,
        params,
        drawing=drawing,
    )
    others = [load_fast(trained, f"fold{number}.pt") for number in range(1, len(folds) + 1)]
    choice = choose_point(
        answers([network, *others], basis, track),
        params.threshold,
        beside_defects=basis.beside_defects,
    )
    return (replace(choice, bounded=None) if basis.learned else choice), basis


def answers(
    networks: Sequence[nn.Module], basis: Basis, track: Track
) -> Iterator[tuple[str, Map, npt.NDArray[np.bool_]]]:
    """Yield set, probability map and truth of each image that the operating point rests on.

    Args:
        networks: The one that is judged, then that of each fold.
        basis: The images.
        track: Shows progress.
    """
    numbers = track(range(basis.count), basis.count, "Operating point")
    for _, example in zip(numbers, basis.examples, strict=True):
        probability = probability_of(networks[example.fold], example.image)
        yield example.set_name, within(probability, example.region), example.truth


def judge_split(
    network: nn.Module,
    images: JoinedSet,
    point: OperatingPoint,
    params: Evaluate,
    *,
    track: Track,
    what: str,
) -> Iterator[ImageResult]:
    """Yield what a network gives on each image of a split at an operating point."""
    annotations = [images.annotation(i) for i in range(len(images))]
    names = unique_ids(annotations)
    for i in track(range(len(images)), len(images), what):
        yield judge_image(
            i,
            names[i],
            annotations[i],
            probability=within(probability_of(network, images.image(i)), images.region(i)),
            instances=images.instances(i),
            point=point,
            params=params,
        )


def _count_pixels(
    network: nn.Module, images: JoinedSet, results: Sequence[ImageResult], point: OperatingPoint
) -> reports.Pixels:
    """Count the pixels of the headline's images, for curves and calibration."""
    pixels = reports.Pixels(ThresholdHistogram(), ThresholdHistogram())
    for result in results:
        found = probability_of(network, images.image(result.index))
        probability = within(found, images.region(result.index))
        truth = images.mask(result.index)
        pixels.answered.add(probability, truth)
        pixels.marked.add(point.reach(probability), truth)
    return pixels


def _write(
    out: Path,
    written: Path,
    images: JoinedSet,
    results: Sequence[ImageResult],
    *,
    network: nn.Module,
    choice: Choice,
    basis: Basis,
    params: Evaluate,
) -> tuple[dict[str, float], Headline]:
    headline = Headline.of(results)
    shown = headline.chosen(results)
    pixels = _count_pixels(network, images, shown, choice.point)
    overall = summary.summarize(shown, params.bootstrap)
    classes = summary.by_defect(shown, summary.class_of, params.bootstrap)
    bound = choice.false_alarm_bound
    operating = {**vars(choice), "false_alarm_bound_95": bound, "basis": basis.sentence}
    details: dict[str, Any] = {
        "threshold": operating,
        "headline": {"sets": list(headline.sets), "sentence": headline.sentence},
        "overall": overall,
        "sets": summary.by_set(results, params.bootstrap),
        "classes": classes,
        "width": summary.by_defect(shown, summary.width_of, params.bootstrap),
        "area": summary.by_defect(shown, summary.area_of, params.bootstrap),
        "visibility": summary.by_defect(shown, summary.visibility_of, params.bootstrap),
        "calibration_error": pixels.answered.expected_calibration_error(),
        "kept_images": reports.write_images(out, "test", images, results, params.stored_megabytes),
    }
    metrics = headline_metrics(overall, results)
    files.write_json(out / "threshold.json", operating)
    rows = write_image_rows(reports.image_row(result) for result in results)
    files.write_text(out / "per_image.csv", rows)
    files.write_json(out / "per_class.json", classes)
    files.write_json(out / "details.json", details)
    reports.write_curves(written / "curves", pixels, classes)
    files.write_json(written / "metrics.json", metrics)
    return metrics, headline


def _keep_validation(
    out: Path,
    network: nn.Module,
    images: JoinedSet,
    point: OperatingPoint,
    params: Evaluate,
    *,
    track: Track,
) -> None:
    """Keep validation images and their results: another operating point is chosen on them."""
    results = list(judge_split(network, images, point, params, track=track, what="Validation"))
    reports.write_images(out, "val", images, results, params.stored_megabytes)
    rows = write_image_rows(reports.image_row(result) for result in results)
    files.write_text(out / "per_image_val.csv", rows)


def _draw(
    folder: Path,
    network: nn.Module,
    packed: JoinedSet,
    results: Sequence[ImageResult],
    *,
    point: OperatingPoint,
    params: Evaluate,
) -> None:
    def draw(result: ImageResult) -> bytes:
        plane, truth = packed.image(result.index), packed.mask(result.index)
        probability = within(probability_of(network, plane), packed.region(result.index))
        return gallery.draw_image(result, plane, truth, probability, point)

    folder.mkdir(parents=True, exist_ok=True)
    chosen = gallery.choose_images(results, params.gallery)
    for name, png in gallery.draw_all(chosen, draw).items():
        files.write_bytes(folder / name, png)
