"""The parity contract: an exported model answers as its source does, or it is refused.

fp32 is compared with PyTorch in probability; INT8 with fp32 in Dice, in mean probability and in
the share of pixels whose decision flips; both with themselves under other thread counts and graph
rewritings.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import onnxruntime as ort

from blemish.arrays import Map
from blemish.config.export import Parity
from blemish.errors import ParityError
from blemish.export.cases import Case, Gap, Meter, compare
from blemish.metrics.pixels import Counts
from blemish.model import Probability, UNetTiny, on_arrays
from blemish.model_sessions import open_session
from blemish.operating_point import OperatingPoint

_THREADS = (1, 2)
_SOURCE_STEP = 4  # PyTorch is slow: it answers every fourth real image, and all edge cases
_LEVELS = {
    "none": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


@dataclass(frozen=True)
class ParityMetric:
    """One metric of the contract and its bound."""

    name: str
    value: float
    bound: float
    where: str
    """The image or the setting that gave it."""

    @property
    def kept(self) -> bool:
        """Whether the metric is within its bound; one that is not a number is not."""
        return self.value <= self.bound


@dataclass(frozen=True)
class ParityReport:
    """All metrics of the contract."""

    metrics: tuple[ParityMetric, ...]
    int8: Counts = field(default_factory=Counts)
    """Pixels that the INT8 model found and missed in the test images."""

    def require(self) -> None:
        """Refuse the models unless every bound is kept.

        Raises:
            ParityError: With each metric beyond its bound.
        """
        broken = [metric for metric in self.metrics if not metric.kept]
        if broken:
            lines = [f"  {f.name}: {f.value:.3g} > {f.bound:.3g} ({f.where})" for f in broken]
            raise ParityError(
                "The exported model answers differently from its source, so neither file is kept "
                "and no version is registered:\n"
                + "\n".join(lines)
                + f"\n{_advice(broken)} Then run: dvc repro export"
            )

    def document(self) -> dict[str, dict[str, float]]:
        """Return metrics and bounds for ``parity.json``; names of images stay out of it."""
        return {f.name: {"value": f.value, "bound": f.bound} for f in self.metrics}


def _advice(broken: Sequence[ParityMetric]) -> str:
    if all(metric.name.startswith("int8_") for metric in broken):
        return (
            "The fp32 file keeps its bounds, the INT8 file does not: raise "
            "export.quantization.room or search_images in params.yaml, so that more of its layers "
            "stay fp32, or the bound in export.parity."
        )
    return "Train another model, or raise the bound in export.parity in params.yaml."


@dataclass(frozen=True)
class Subject:
    """What is judged: the source and both files."""

    network: UNetTiny
    fp32: bytes
    int8: bytes
    point: OperatingPoint


def check_parity(
    subject: Subject, edges: Sequence[Case], images: Iterable[Case], bounds: Parity
) -> ParityReport:
    """Compare both files with their source.

    Args:
        subject: What is judged.
        edges: Fixed edge cases.
        images: Real images with their truth.
        bounds: Largest values accepted.

    Returns:
        Every metric, kept or not; call ``require``.
    """
    source = on_arrays(Probability(subject.network).eval())
    sessions = [open_session(data) for data in (subject.fp32, subject.int8)]
    exact, on_edges, on_images = (Meter(subject.point) for _ in range(3))
    expected: list[list[Map]] = []
    for cases, quantized in ((edges, on_edges), (images, on_images)):
        for place, case in enumerate(cases):
            fp32, int8 = (case.answer(session) for session in sessions)
            quantized.add(case, fp32, int8)
            if cases is edges:
                expected.append([fp32, int8])
            if cases is edges or place % _SOURCE_STEP == 0:
                exact.add(case, case.answer_by(source), fp32)
    settings = _settings_metrics(subject, edges, expected, bounds)
    test = on_images.gap()
    metrics = (*_source_metrics(exact.gap(), on_edges.gap(), test, bounds), *settings)
    return ParityReport(metrics, test.answered)


def _source_metrics(exact: Gap, edges: Gap, images: Gap, bounds: Parity) -> Iterator[ParityMetric]:
    """Compare fp32 with PyTorch, and INT8 with fp32."""
    where, change = "test images", abs(images.dice_change)
    yield ParityMetric("fp32_probability", exact.probability, bounds.probability, "against PyTorch")
    yield ParityMetric("int8_dice_change", change, bounds.dice_change, where)
    mean = images.probability_mean
    yield ParityMetric("int8_probability_mean", mean, bounds.probability_mean, where)
    yield ParityMetric("int8_flipped", images.flipped, bounds.flipped, where)
    worst = f"image {edges.worst!r}"
    bound = bounds.flipped_edge_case
    yield ParityMetric("int8_flipped_edge_case", edges.flipped_worst, bound, worst)


def _settings_metrics(
    subject: Subject,
    edges: Sequence[Case],
    expected: Sequence[Sequence[Map]],
    bounds: Parity,
) -> Iterator[ParityMetric]:
    """Compare each file with itself under every setting of onnxruntime."""
    worst_fp32, worst_int8 = (0.0, ""), (0.0, "")
    for threads, (name, level) in product(_THREADS, _LEVELS.items()):
        setting = f"{threads} threads, optimization {name}"
        gaps: list[Gap] = []
        for place, data in enumerate((subject.fp32, subject.int8)):
            session = open_session(data, threads=threads, level=level)
            wanted = [answers[place] for answers in expected]
            given = [case.answer(session) for case in edges]
            gaps.append(compare(edges, wanted, given, subject.point))
        worst_fp32 = max(worst_fp32, (gaps[0].probability, setting))
        worst_int8 = max(worst_int8, (gaps[1].flipped_worst, setting))
    yield ParityMetric(
        "fp32_settings_probability", worst_fp32[0], bounds.probability, worst_fp32[1]
    )
    yield ParityMetric(
        "int8_settings_flipped", worst_int8[0], bounds.flipped_edge_case, worst_int8[1]
    )
