"""The evidence for the gate: both models on the same test images, and what else is measured."""

from collections.abc import Iterable

from blemish.errors import NotFoundError, PromotionError
from blemish.inference import Segmenter
from blemish.latency import measure_latency
from blemish.metrics.pixels import Counts, count
from blemish.promotion.rule import Measurements, PairedResult
from blemish.registry.catalogue import Registry
from blemish.registry.loading import load_verified
from blemish.registry.stored_images import StoredImage
from blemish.registry.version import Version
from blemish.store.names import TEST_DIGEST


def pair_results(
    registry: Registry, candidate: Version, champion: Version | None
) -> tuple[PairedResult, ...]:
    """Pair what both models made of the same test images.

    Stored results are used where both are of fp32 models on one test split; else both files run on
    the test images that the candidate's run keeps.

    Args:
        registry: Where both are.
        candidate: Version to judge.
        champion: Version to compare with; None for none.

    Raises:
        PromotionError: There are no test images to be had.
    """
    if _comparable(candidate, champion):
        stored = _pair_stored(registry, candidate, champion)
        if stored:
            return stored
    try:
        images = registry.test_images(candidate)
    except NotFoundError as error:
        raise PromotionError(
            f"Version {candidate.version} cannot be compared with the champion: {error}"
        ) from error
    ours = _load(registry, candidate)
    theirs = _load(registry, champion) if champion else None
    return tuple(_run_both(images, ours, theirs))


def measure(
    registry: Registry, candidate: Version, champion: Version | None, rounds: int
) -> Measurements:
    """Measure size, latency and parity of a candidate, the champion's file taking turns with it.

    Args:
        registry: Where both are.
        candidate: Version to judge.
        champion: Version to compare with; None for none.
        rounds: Timed rounds.
    """
    data = registry.model_bytes(candidate)
    files = {"candidate": data}
    if champion:
        files["champion"] = registry.model_bytes(champion)
    latency = measure_latency(files, rounds=rounds)
    return Measurements(
        size_bytes=len(data),
        latency_ms=latency["candidate"],
        champion_latency_ms=latency.get("champion"),
        parity_dice=_parity(registry, candidate),
        parity_probability=candidate.metrics.get("parity.fp32_probability"),
    )


def _comparable(candidate: Version, champion: Version | None) -> bool:
    versions = [candidate, *([champion] if champion else [])]
    digests = {version.tags.get(TEST_DIGEST) for version in versions}
    return (
        all(v.precision == "fp32" for v in versions) and len(digests) == 1 and None not in digests
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
        plane, truth = image.plane(), image.mask()
        yield PairedResult(
            image.image_id,
            image.set_name,
            image.group,
            image.classes,
            count(ours.predict(plane, prepared=True).mask, truth),
            count(theirs.predict(plane, prepared=True).mask, truth) if theirs else None,
        )


def _load(registry: Registry, version: Version) -> Segmenter:
    return load_verified(registry, version)


def _parity(registry: Registry, candidate: Version) -> float | None:
    """Return the change of pooled Dice from the fp32 file of the same record to an int8 one."""
    if candidate.precision != "int8":
        return None
    siblings = [
        version
        for version in registry.versions()
        if version.record == candidate.record and version.precision == "fp32"
    ]
    if not siblings:
        raise PromotionError(
            f"Version {candidate.version} is int8 and its fp32 sibling is gone, so its parity "
            "cannot be checked. Record both: blemish sync"
        )
    images = registry.test_images(candidate)
    pairs = list(_run_both(images, _load(registry, candidate), _load(registry, siblings[0])))
    ours = sum((pair.candidate for pair in pairs), Counts())
    source = sum((pair.champion or Counts() for pair in pairs), Counts())
    return ours.dice - source.dice
