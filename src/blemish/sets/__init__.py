"""Sets of images with masks: the one layout on disk, and its checks."""

from blemish.sets.layout import FORMAT, ImageSet, read_set, read_sets
from blemish.sets.records import DefectMark, DefectRecord, EncodedImage, IndexRow, encode_image
from blemish.sets.validation import (
    CheckedImage,
    Fault,
    check_image,
    check_index,
    content_digest,
    describe_values,
    draw_instances,
    find_duplicates,
    name_in_data,
    refuse,
)
from blemish.sets.writer import SetWriter

__all__ = [
    "FORMAT",
    "CheckedImage",
    "DefectMark",
    "DefectRecord",
    "EncodedImage",
    "Fault",
    "ImageSet",
    "IndexRow",
    "SetWriter",
    "check_image",
    "check_index",
    "content_digest",
    "describe_values",
    "draw_instances",
    "encode_image",
    "find_duplicates",
    "name_in_data",
    "read_set",
    "read_sets",
    "refuse",
]
