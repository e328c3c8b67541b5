"""Small inputs for tests of evaluation: params, made-up results, photographs of a user's set."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from small_world import (
    draw,
)

from blemish.config import load_params
from blemish.config.evaluate import Evaluate
from blemish.evaluation.judging import ImageResult, judge_image
from blemish.operating_point import OperatingPoint
from blemish.packed import (
    Annotation,
    PackedDefect,
    PackedWriter,
    pack_image,
)

ROOT = Path(__file__).parents[3]


def params(**changes: object) -> Evaluate:
    """Take the block of params.yaml, small enough for tests."""
    block = load_params(ROOT / "params.yaml").evaluate
    return block.model_copy(update={"threads": 1, **changes})


def silently(numbers: Iterable[int], _total: int, _what: str) -> Iterable[int]:
    return numbers


def made_up_results(count: int) -> list[ImageResult]:
    rng = np.random.default_rng(4)
    results = []
    for i in range(count):
        instances = np.zeros((16, 16), np.uint16)
        defects: tuple[PackedDefect, ...] = ()
        if i % 3:
            instances[4:8, 4:8], defects = 1, (PackedDefect("pit", 16),)
        probability = (rng.random((16, 16)) * 0.6 + 0.4 * (instances > 0)).astype(np.float32)
        annotation = Annotation(f"{i}", "set", f"{i // 2}", 16, 16, defects, {})
        results.append(
            judge_image(
                i,
                f"{i}",
                annotation,
                probability=probability,
                instances=instances,
                point=OperatingPoint(0.55),
                params=params(),
            )
        )
    return results


def write_photographs(
    folder: Path,
    split: str,
    count: int,
    *,
    name: str = "line-3",
    defective: bool = False,
    region: npt.NDArray[np.bool_] | None = None,
) -> None:
    """Pack photographs of a user's set: clean ones, or ones that all show a labelled defect."""
    rng = np.random.default_rng(5)
    with PackedWriter(folder, split) as writer:
        for i in range(count):
            image, instances = draw(rng, defective=defective)
            if region is not None:
                instances[~region] = 0
            areas = np.bincount(instances.ravel(), minlength=3)
            defects = (
                PackedDefect("scratch", int(areas[1]), 4.0, 9.0),
                PackedDefect("pit", int(areas[2]), None, 1.5),
            )
            annotation = Annotation(
                *(f"{split}{i}", name, f"{split}{i}", image.shape[1], image.shape[0]),
                defects if defective else (),
                {},
                clean=not defective,
            )
            writer.add(pack_image(annotation, image, instances, region))
