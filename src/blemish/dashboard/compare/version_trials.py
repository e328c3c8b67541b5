"""All versions on the same images, each at its own operating point, in the background."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from blemish.dashboard.compare.background_job import BackgroundJob
from blemish.dashboard.compare.fair_images import spoiling_splits
from blemish.dashboard.compare.paired_metrics import pooled
from blemish.dashboard.image_collections import ImageCollection
from blemish.errors import BlemishError
from blemish.image_digests import plane_digest
from blemish.inference import Segmenter
from blemish.metrics import Counts, PairedCalls, count
from blemish.registry import Version


@dataclass(frozen=True)
class TriedImage:
    """What a version makes of one image.

    Attributes:
        index: Place of the image in its collection.
        set_name: Set that it comes from.
        part: The part that it shows.
        digest: Digest of its plane.
        defective: Whether the truth holds a defect; None without truth.
        called: Whether the version calls it defective.
        counts: Pixel counts; None without truth.
    """

    index: int
    set_name: str
    part: str
    digest: str
    defective: bool | None
    called: bool
    counts: Counts | None


class VersionTrials(BackgroundJob):
    """Runs versions over a collection in a thread of its own; results grow as it goes.

    Args:
        collection: The images.
        versions: In the order in which they are tried.
        load: Loads a version; the model is let go after its turn.
    """

    def __init__(
        self,
        collection: ImageCollection,
        versions: Sequence[Version],
        load: Callable[[Version], Segmenter],
    ) -> None:
        super().__init__("version-trials")
        self._collection, self._versions, self._load = collection, versions, load
        self.results: dict[int, tuple[TriedImage, ...]] = {}
        """What each version makes of the images, by its number; whole or absent."""
        self.faults: dict[int, str] = {}
        """Why a version could not be tried, by its number."""
        self._seen = 0
        self.start()

    @property
    def seen(self) -> int:
        """How many images were seen, each once for each version."""
        return self._seen

    @property
    def total(self) -> int:
        """How many there are, each once for each version."""
        return len(self._collection) * len(self._versions)

    def work(self) -> None:
        """Have every version look at every image."""
        for number, version in enumerate(self._versions, 1):
            self._try(version)
            self._seen = number * len(self._collection)
            if self.stopped:
                return

    def _try(self, version: Version) -> None:
        tried = []
        try:
            model = self._load(version)
            for index in range(len(self._collection)):
                if self.stopped:
                    return
                tried.append(self._look(model, index))
                self._seen += 1
        except BlemishError as error:  # one corrupt file must not hide the other versions
            self.faults[version.version] = str(error)
        else:
            self.results[version.version] = tuple(tried)

    def _look(self, model: Segmenter, index: int) -> TriedImage:
        image, entry = self._collection.image(index), self._collection.entries[index]
        mask = model.predict(image.plane, prepared=image.prepared).mask
        truth = image.truth
        return TriedImage(
            index,
            entry.set_name,
            entry.part,
            plane_digest(image.plane),
            None if truth is None else bool(truth.any()),
            bool(mask.any()),
            None if truth is None else count(mask, truth),
        )


@dataclass(frozen=True)
class Standing:
    """A version beside the champion on the images of one set.

    Attributes:
        set_name: The set.
        parts: What both call the parts: A is the champion, B the version.
        images: How many images both numbers of Dice are of.
        champion_dice: Pooled.
        dice: Pooled, of the version.
        left_out: How many images were left out because either was fitted to their part.
    """

    set_name: str
    parts: PairedCalls
    images: int
    champion_dice: float
    dice: float
    left_out: int


def standings(
    champion: Sequence[TriedImage],
    tried: Sequence[TriedImage],
    fitted: Collection[str],
    wanted: Collection[int],
) -> list[Standing]:
    """Return how a version stands beside the champion, set by set.

    Args:
        champion: What the champion makes of the images.
        tried: What the version makes of the same.
        fitted: Digests of the images that either was trained or validated on.
        wanted: Indices of the images that pass the filter.
    """
    spoiled = {one.part for one in tried if one.digest in fitted}
    pairs: dict[str, list[tuple[TriedImage, TriedImage]]] = {}
    for ours, theirs in zip(tried, champion, strict=True):
        if ours.defective is not None and ours.index in wanted:
            pairs.setdefault(ours.set_name, []).append((ours, theirs))
    return [_standing(name, members, spoiled) for name, members in sorted(pairs.items())]


def _standing(
    name: str, members: Sequence[tuple[TriedImage, TriedImage]], spoiled: Collection[str]
) -> Standing:
    kept = [pair for pair in members if pair[0].part not in spoiled]
    calls = PairedCalls.of(
        [(o.part, bool(o.defective), theirs.called, o.called) for o, theirs in kept]
    )
    return Standing(
        name,
        calls.by_part(),
        len(kept),
        pooled(theirs.counts for _, theirs in kept).dice,
        pooled(ours.counts for ours, _ in kept).dice,
        len(members) - len(kept),
    )


def fitted_to(*known: Mapping[str, str] | None, choosing: bool = False) -> set[str]:
    """Return the digests of images that some version was trained or validated on.

    Args:
        known: Digest to split of each version; None where nobody recorded them.
        choosing: The images are validation images: only those of training count.
    """
    spoiling = spoiling_splits(choosing=choosing)
    return {
        digest for splits in known for digest, split in (splits or {}).items() if split in spoiling
    }
