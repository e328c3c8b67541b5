"""The same graph with another operating point, as a version of its own.

It is the one kind of version that is no output of DVC. Its file follows from the file of the
version that it is derived from and the two numbers, so it can be made again.
"""

from dataclasses import replace
from typing import Literal

from blemish.files import sha256_bytes
from blemish.model_card import ModelCard
from blemish.operating_point import OperatingPoint
from blemish.registry.aliases import set_aliases_of_new_version
from blemish.registry.catalogue import Registry
from blemish.registry.moves import check_text
from blemish.registry.registration import ModelFile, find_versions, register
from blemish.registry.version import Version
from blemish.store.names import (
    COMMIT,
    DERIVED_FROM,
    DIGEST,
    DIRTY,
    LATENCY,
    PEAK,
    POINT_CHOSEN_ON,
    PRECISION,
    SHA256,
    SIZE,
    TEST_DIGEST,
    THRESHOLD,
    VERSION_FINGERPRINT,
    VERSION_RECORD,
    WEIGHTS_DIGEST,
)

_COPIED = (
    PRECISION,
    VERSION_FINGERPRINT,
    VERSION_RECORD,
    COMMIT,
    DIRTY,
    LATENCY,
    TEST_DIGEST,
    WEIGHTS_DIGEST,
)


def with_operating_point(data: bytes, point: OperatingPoint) -> bytes:
    """Return a model file with another operating point in its metadata.

    Args:
        data: A verified ONNX file.
        point: The operating point.

    Returns:
        The same graph; the same arguments give the same bytes.

    Raises:
        ModelFileError: The metadata cannot be used, or the point lies outside 0 to 1.
    """
    import onnx  # noqa: PLC0415 - slow to import, and only this needs it

    model = onnx.load_model_from_string(data)
    said = {entry.key: entry.value for entry in model.metadata_props}
    card = replace(ModelCard.from_metadata(said), point=point)
    changed = said | card.to_metadata()
    ModelCard.from_metadata(changed)  # refuses a point that is none
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, dict(sorted(changed.items())))
    made: bytes = model.SerializeToString(deterministic=True)
    return made


def save_operating_point(
    registry: Registry,
    version: Version,
    point: OperatingPoint,
    *,
    who: str,
    reason: str = "",
    chosen_on: Literal["validation", "test"],
) -> int:
    """Register the graph of a version with another operating point, as the newest candidate.

    Saving the same point twice makes one version.

    Args:
        registry: Where.
        version: Version whose graph it is.
        point: The operating point that a person chose.
        who: That person.
        reason: What the person says of it.
        chosen_on: The images that the person looked at; a point chosen on test images is refused by
            the gate, for these images prove nothing about it.

    Returns:
        The number of the version.

    Raises:
        ParamsError: Name or reason cannot be written.
        ModelFileError: The file of the version is damaged, or the point lies outside 0 to 1.
        StoreError: The store does not answer or refused.
    """
    who, reason = check_text("The name", who), check_text("The reason", reason)
    data = with_operating_point(registry.model_bytes(version), point)
    tags = {
        key: value
        for key, value in version.tags.items()
        if key in _COPIED or key.startswith(DIGEST)
    }
    tags |= {
        SHA256: sha256_bytes(data),
        THRESHOLD: repr(point.threshold),
        PEAK: repr(point.peak),
        SIZE: str(len(data)),
        DERIVED_FROM: f"{version.version}/{version.record}",
        POINT_CHOSEN_ON: chosen_on,
        "chosen_by": who,
        "chosen_because": reason,
    }
    store = registry.store
    with store.writing():
        found = find_versions(store, {SHA256: tags[SHA256], VERSION_RECORD: version.record})
        if found:  # saved before
            return int(found[0].version)
        card = ModelCard.from_metadata(_metadata(data))
        file = ModelFile(version.precision, data, card)
        number = register(store, version.run_id, file, tags)
        set_aliases_of_new_version(store, version.precision, number)
        return number


def _metadata(data: bytes) -> dict[str, str]:
    import onnx  # noqa: PLC0415 - as above

    model = onnx.load_model_from_string(data)
    return {entry.key: entry.value for entry in model.metadata_props}
