"""Sources that an importer meets in the field, written by a test."""

import json
from pathlib import Path

import numpy as np
from unit.tiny_sources import SIZE, image, mask, save

from blemish.importing.import_plan import Source
from blemish.importing.importer import import_source
from blemish.sets import ImageSet

UPPER = mask() * (np.arange(SIZE[0]) < 15)[:, None].astype(np.uint8)
OUTLINE = [10, 5, 30, 5, 30, 9, 10, 9]


def import_clean(source: Path, **options: object) -> ImageSet:
    asked = Source(source, "tiny", clean=True, **options)
    return import_source(asked, source.parent / "real" / "tiny")[0]


def write_coco(path: Path, **document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"categories": [{"id": 1, "name": "scratch"}], "annotations": []} | document
    path.write_text(json.dumps(whole))


def entry(number: int, name: str, **more: object) -> dict:
    return {"id": number, "file_name": name, "width": 40, "height": 30} | more


def marked(number: int, segmentation: object = (tuple(OUTLINE),)) -> dict:
    return {"id": number, "image_id": number, "category_id": 1, "segmentation": segmentation}


def write_labelme(source: Path, *shapes: object) -> None:
    save(source / "a.png", image(0))
    (source / "a.json").write_text(json.dumps({"imagePath": "a.png", "shapes": shapes}))


def shape(**change: object) -> dict:
    return {"label": "scratch", "points": [[10, 5], [30, 5], [30, 9], [10, 9]]} | change


def write_pairs(source: Path, count: int = 3) -> Path:
    for index in range(count):
        save(source / f"images/{index}.png", image(index))
        save(source / f"masks/{index}.png", mask())
    return source
