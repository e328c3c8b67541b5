"""Small inputs for tests of export."""

from pathlib import Path

from small_world import (
    write_data,
    write_evaluated,
    write_nothing,
    write_trained,
)

from blemish.config import load_params
from blemish.config.export import Export
from blemish.export.export_workflow import Inputs

ROOT = Path(__file__).parents[3]


def params(**parity: float) -> Export:
    """Take the block of params.yaml, small enough for tests."""
    block = load_params(ROOT / "params.yaml").export
    quantization = block.quantization.model_copy(
        update={"calibration_images": 12, "search_images": 6}
    )
    bounds = block.parity.model_copy(update=parity)
    return block.model_copy(update={"threads": 1, "quantization": quantization, "parity": bounds})


def write_inputs(folder: Path) -> Inputs:
    return Inputs(
        write_nothing(folder / "synthetic"),
        write_data(folder / "data"),
        write_trained(folder / "trained"),
        write_evaluated(folder / "evaluated"),
    )


def silently(_line: str) -> None:
    pass
