"""Sets of images with masks: the one layout on disk, and its checks."""

from blemish.sets.index_rows import DefectMark, EncodedImage, IndexRow, LabelledDefect, encode_image
from blemish.sets.layout import FORMAT, REGION_FILE, SYNTHETIC, ImageSet, read_set, read_sets
from blemish.sets.set_validation import (
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
    region_problem,
)
from blemish.sets.set_writer import SetWriter

__all__ = [
    "FORMAT",
    "REGION_FILE",
    "SYNTHETIC",
    "CheckedImage",
    "DefectMark",
    "EncodedImage",
    "Fault",
    "ImageSet",
    "IndexRow",
    "LabelledDefect",
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
    "region_problem",
]
