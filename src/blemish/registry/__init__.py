"""The registry: versions, aliases, their history, and model files verified by SHA-256."""

from blemish.registry.catalogue import Registry
from blemish.registry.loading import load_verified
from blemish.registry.moves import Move
from blemish.registry.recorded_headline import RecordedHeadline
from blemish.registry.stored_images import StoredImage
from blemish.registry.verified_cache import LastKnown, ModelCache
from blemish.registry.version import Version

__all__ = [
    "LastKnown",
    "ModelCache",
    "Move",
    "RecordedHeadline",
    "Registry",
    "StoredImage",
    "Version",
    "load_verified",
]
