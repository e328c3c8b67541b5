"""The registry: versions, aliases, their history, and model files verified by SHA-256."""

from blemish.registry.cache import LastKnown, ModelCache
from blemish.registry.catalogue import Registry
from blemish.registry.evidence import ImageResult, StoredImage
from blemish.registry.version import Version
from blemish.tracking.ledger import Move

__all__ = [
    "ImageResult",
    "LastKnown",
    "ModelCache",
    "Move",
    "Registry",
    "StoredImage",
    "Version",
]
