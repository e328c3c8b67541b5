"""Packed splits: what training reads, two files a split instead of thousands.

``<split>.bin`` holds PNG files end to end; ``<split>.json`` says where each begins, how long it
is, and what the image is. DVC hashes and restores few files fast, and a reader seeks.
"""

from blemish.packed.annotations import SPLITS, Annotation, PackedDefect
from blemish.packed.joined_set import JoinedSet
from blemish.packed.packed_set import PackedSet
from blemish.packed.packed_writer import PackedImage, PackedWriter, pack_image

__all__ = [
    "SPLITS",
    "Annotation",
    "JoinedSet",
    "PackedDefect",
    "PackedImage",
    "PackedSet",
    "PackedWriter",
    "pack_image",
]
