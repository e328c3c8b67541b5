"""The evidence for the gate: both models on the same test images, and what else is measured."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from blemish.errors import NotFoundError, PromotionError
from blemish.inference import Segmenter
from blemish.latency import measure_latency
from blemish.metrics.pixels import Counts, count
from blemish.operating_point import within
from blemish.progress import Tell
from blemish.promotion.independence import independent
from blemish.promotion.paired_comparison import PairedResult
from blemish.promotion.rule import Measurements
from blemish.registry.catalogue import Registry
from blemish.registry.loading import load_verified
from blemish.registry.stored_images import StoredImage
from blemish.registry.version import Version
from blemish.store.names import DERIVED_FROM, TEST_DIGEST
from blemish.store.run_params import read_param

_REAL_SETS = "preprocess.real_sets"


@dataclass(frozen=True)
class LoadedVersion:
    """A version and its model: verified, tried in a process of its own, loaded as it is served."""

    version: Version
    model: Segmenter


@dataclass(frozen=True)
class Evidence:
    """What the gate decides on.

    Attributes:
        results: What both models answered on the test images that neither was fitted to.
        measured: Size, latency and parity.
        notes: Sentences on what was left out, is missing or is unknown.
    """

    results: tuple[PairedResult, ...]
    measured: Measurements
    notes: tuple[str, ...] = ()


def gather(
    registry: Registry,
    candidate: LoadedVersion,
    champion: LoadedVersion | None,
    *,
    rounds: int,
    tell: Tell,
) -> Evidence:
    """Gather everything that the gate decides on.

    Args:
        registry: Where both are.
        candidate: Version to judge.
        champion: Version to compare with; None for none.
        rounds: Timed rounds of the latency measurement.
        tell: Called with what is being done, for a progress line.

    Raises:
        PromotionError: There are no test images to be had.
        ModelFileError: A file is damaged or breaks the contract.
        StoreError: The store does not answer or has lost what is needed.
    """
    tell("Comparing on the test images")
    paired = pair_results(registry, candidate, champion)
    versions = [each.version for each in (candidate, champion) if each]
    results, notes = independent(registry, paired, versions)
    missing = sorted(_sets_of(versions) - {result.set_name for result in paired})
    notes += tuple(
        f"Set {name}: the test split of version {candidate.version.version} has no image of it, so "
        "it was not compared."
        for name in missing
    )
    tell("Measuring latency")
    return Evidence(results, measure(registry, candidate, champion, rounds), notes)


def pair_results(
    registry: Registry, candidate: LoadedVersion, champion: LoadedVersion | None
) -> tuple[PairedResult, ...]:
    """Pair the results of both models on the same test images.

    Stored results are used where both are of fp32 models on one test split; else both models run on
    the test images that the candidate's run keeps.

    Args:
        registry: Where both are.
        candidate: Version to judge.
        champion: Version to compare with; None for none.

    Raises:
        PromotionError: There are no test images to be had.
    """
    ours, theirs = candidate.version, champion.version if champion else None
    if _comparable(ours, theirs):
        stored = _pair_stored(registry, ours, theirs)
        if stored:
            return stored
    try:
        images = registry.test_images(ours)
    except NotFoundError as error:
        raise PromotionError(
            f"Version {ours.version} cannot be compared with the champion: {error}"
        ) from error
    return tuple(_run_both(images, candidate.model, champion.model if champion else None))


def measure(
    registry: Registry, candidate: LoadedVersion, champion: LoadedVersion | None, rounds: int
) -> Measurements:
    """Measure size, latency and parity of a candidate, the champion taking turns with it.

    Args:
        registry: Where both are.
        candidate: Version to judge.
        champion: Version to compare with; None for none.
        rounds: Timed rounds.
    """
    models = {"candidate": candidate.model}
    if champion:
        models["champion"] = champion.model
    latency = measure_latency(models, rounds=rounds)
    return Measurements(
        size_bytes=len(registry.model_bytes(candidate.version)),
        latency_ms=latency["candidate"],
        champion_latency_ms=latency.get("champion"),
        parity_dice=_parity(registry, candidate),
        parity_probability=candidate.version.metrics.get("parity.fp32_probability"),
    )


def _comparable(candidate: Version, champion: Version | None) -> bool:
    versions = [candidate, *([champion] if champion else [])]
    digests = {version.tags.get(TEST_DIGEST) for version in versions}
    return (
        all(v.precision == "fp32" and DERIVED_FROM not in v.tags for v in versions)
        and len(digests) == 1
        and None not in digests
    )


def _pair_stored(
    registry: Registry, candidate: Version, champion: Version | None
) -> tuple[PairedResult, ...] | None:
    """Pair the stored results; None where the store lacks them or they are of other images."""
    try:
        ours = registry.results(candidate)
        theirs = {r.image_id: r for r in registry.results(champion)} if champion else None
    except NotFoundError:
        return None
    if theirs is not None and theirs.keys() != {result.image_id for result in ours}:
        return None
    return tuple(
        PairedResult(
            r.image_id,
            r.set_name,
            r.group,
            r.classes,
            r.counts,
            theirs[r.image_id].counts if theirs is not None else None,
        )
        for r in ours
    )


def _run_both(
    images: Iterable[StoredImage], ours: Segmenter, theirs: Segmenter | None
) -> Iterable[PairedResult]:
    for image in images:
        yield PairedResult(
            image.image_id,
            image.set_name,
            image.group,
            image.classes,
            _count_marks(ours, image),
            _count_marks(theirs, image) if theirs else None,
        )


def _count_marks(model: Segmenter, image: StoredImage) -> Counts:
    """Count the pixels of a stored image by a model's marks inside the region of interest."""
    probability = model.probability(image.plane(), prepared=True)
    return count(model.card.point.mark(within(probability, image.region())), image.mask())


def _parity(registry: Registry, candidate: LoadedVersion) -> float | None:
    """Return the largest change of Dice, of any set, from the fp32 file of a record to its int8."""
    version = candidate.version
    if version.precision != "int8":
        return None
    siblings = [
        other
        for other in registry.versions()
        if other.record == version.record
        and other.precision == "fp32"
        and DERIVED_FROM not in other.tags
    ]
    if not siblings:
        raise PromotionError(
            f"Version {version.version} is int8 and its fp32 sibling is gone, so its parity "
            "cannot be checked. Record both: blemish sync"
        )
    images = registry.test_images(version)
    sibling = load_verified(registry, siblings[0])
    pairs = list(_run_both(images, candidate.model, sibling))
    return max(_changes(pairs), key=abs, default=0.0)


def _changes(pairs: Sequence[PairedResult]) -> Iterator[float]:
    """Yield the change of Dice on each set, from the second model of the pairs to the first."""
    for name in {pair.set_name for pair in pairs}:
        members = [pair for pair in pairs if pair.set_name == name]
        ours = sum((pair.candidate for pair in members), Counts())
        source = sum((pair.champion or Counts() for pair in members), Counts())
        yield ours.dice - source.dice


def _sets_of(versions: Iterable[Version]) -> set[str]:
    """Return the names of the user's sets that versions were trained with, by their params."""
    said = [read_param(version.params.get(_REAL_SETS, "[]")) for version in versions]
    return {str(name) for names in said if isinstance(names, list) for name in names}
