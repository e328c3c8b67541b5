"""Which test images say something about two versions: those that neither was fitted to."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from blemish.image_digests import ImageDigest
from blemish.registry.catalogue import Registry
from blemish.registry.version import Version
from blemish.store.names import POINT_CHOSEN_ON


class _TestImage(Protocol):
    @property
    def image_id(self) -> str: ...
    @property
    def set_name(self) -> str: ...
    @property
    def group(self) -> str: ...


_Image = TypeVar("_Image", bound=_TestImage)


def independent(
    registry: Registry, images: Sequence[_Image], versions: Sequence[Version]
) -> tuple[tuple[_Image, ...], tuple[str, ...]]:
    """Keep the test images that no version was trained or validated on, found by content.

    One image that was leaves out its whole group: it shows the same part.

    Args:
        registry: Where the versions are.
        images: Test images of the first version, or results on them.
        versions: The version that the test images belong to, then those compared with it.

    Returns:
        The images kept, and a sentence on each thing that was left out or is unknown.

    Raises:
        StoreUnreachableError: The store does not answer.
    """
    known = [registry.image_digests(version) for version in versions]
    notes = [
        f"Version {version.version}: training images unknown, so they cannot be told from test "
        "images. Record them from the checkout that made it: blemish sync"
        for version, digests in zip(versions, known, strict=True)
        if digests is None
    ]
    tuned = [v for v in versions if v.tags.get(POINT_CHOSEN_ON) == "test"]
    if tuned:
        notes.append(
            f"The operating point of version {tuned[0].version} was chosen on test images, so they "
            "prove nothing about it."
        )
        return (), tuple(notes)
    fitted = {image.sha256 for digests in known for image in digests or () if image.split != "test"}
    content = _by_name(known[0] or ())
    spoiled = {
        (image.set_name, image.group)
        for image in images
        if content.get((image.set_name, image.image_id)) in fitted
    }
    kept = tuple(image for image in images if (image.set_name, image.group) not in spoiled)
    if spoiled:
        notes.append(
            f"{len(images) - len(kept)} of {len(images)} test images, of {len(spoiled)} groups, "
            "were left out: a version was trained or validated on images of these groups."
        )
    return kept, tuple(notes)


def _by_name(digests: Iterable[ImageDigest]) -> Mapping[tuple[str, str], str]:
    """Return the content of each test image by set and name.

    Evaluation puts the set before a name that two sets share.
    """
    content = {}
    for image in digests:
        if image.split == "test":
            content[image.set_name, image.image_id] = image.sha256
            content[image.set_name, f"{image.set_name}.{image.image_id}"] = image.sha256
    return content
