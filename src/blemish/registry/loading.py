"""From a version to a model that runs here: verified, tried elsewhere first, then loaded."""

from contextlib import suppress

from blemish.inference import Segmenter
from blemish.model_trial import try_model
from blemish.registry.catalogue import Registry
from blemish.registry.version import Version


def load_verified(registry: Registry, version: Version, *, threads: int | None = None) -> Segmenter:
    """Load the file of a version.

    Its SHA-256 is checked, then what it holds, then how it behaves in a process of its own; a
    trial that was passed on this host is not repeated.

    Args:
        registry: Where the version is.
        version: Which.
        threads: Threads of one inference; onnxruntime decides by default.

    Raises:
        ModelFileError: The file is damaged, breaks the contract, or exceeds a limit of its trial.
        NotFoundError: The store has lost it.
        StoreUnreachableError: The store does not answer and the file is not cached here.
    """
    data = registry.model_bytes(version)
    cache = registry.cache
    if not cache.is_tried(version.sha256):
        try_model(data)
        with suppress(OSError):  # a full disk must not stop serving
            cache.note_tried(version.sha256)
    return Segmenter.from_bytes(data, threads=threads)
