"""The columns of a job's Parquet files, version 1; ``docs/how-to/score.md`` describes each.

A column is never renamed or given another meaning within a version of the schema.
"""

import pyarrow as pa

from blemish.image_statistics import NAMES

VERSION = 1

SCORED, FAILED = "scored", "failed"

IMAGES = pa.schema(
    [
        pa.field("uri", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        ("error_type", pa.string()),
        ("error", pa.string()),
        ("sha256", pa.string()),
        ("format", pa.string()),
        ("bits", pa.int32()),
        ("warnings", pa.list_(pa.string())),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("defective", pa.bool_()),
        ("defect_count", pa.int32()),
        ("defect_area_px", pa.int64()),
        ("defect_area_fraction", pa.float64()),
        ("probability_mean", pa.float64()),
        ("probability_max", pa.float64()),
        ("probability_unsure_fraction", pa.float64()),
        *((name, pa.float64()) for name in NAMES),
        ("mask_counts", pa.list_(pa.int32())),
        ("mask_png", pa.string()),
    ]
)

DEFECTS = pa.schema(
    [
        pa.field("uri", pa.string(), nullable=False),
        pa.field("defect", pa.int32(), nullable=False),
        ("bbox", pa.list_(pa.int32())),
        ("area_px", pa.int64()),
        ("centroid", pa.list_(pa.float64())),
        ("length_px", pa.float64()),
        ("width_px", pa.float64()),
        ("orientation_deg", pa.float64()),
        ("mean_probability", pa.float64()),
        ("max_probability", pa.float64()),
    ]
)

TIMINGS = pa.schema(
    [
        pa.field("uri", pa.string(), nullable=False),
        ("read_ms", pa.float64()),
        ("decode_ms", pa.float64()),
        ("infer_ms", pa.float64()),
        ("measure_ms", pa.float64()),
        ("worker", pa.string()),
    ]
)

SCHEMAS = {"images": IMAGES, "defects": DEFECTS, "timings": TIMINGS}
