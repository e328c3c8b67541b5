"""Exports the fine-tuned network as ONNX in fp32 and INT8, then records the finished pipeline."""

import argparse
import sys
from pathlib import Path

from blemish.config import find_workspace, load_params
from blemish.exits import sentences
from blemish.export import export
from blemish.export.export_workflow import Inputs
from blemish.preprocessing import Resizing
from blemish.processes import die_with_dvc
from blemish.recording.sync import describe, record_or_warn
from blemish.store.connection import connect


def main() -> None:
    """Check the store, export, record what is complete."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--synthetic", "--real", "--weights", "--evaluated", "--out", "--reports"):
        parser.add_argument(name, type=Path, required=True)
    paths = parser.parse_args()
    workspace = find_workspace()
    connect(workspace).check()
    params = load_params(workspace.params_file)
    made = export(
        Inputs(paths.synthetic, paths.real, paths.weights, paths.evaluated),
        paths.out,
        paths.reports / "parity.json",
        params.export,
        Resizing(params.preprocess.resize),
        tell=_tell,
    )
    ratio, chosen = made.int8_bytes / made.fp32_bytes, made.found.candidate
    _tell(
        f"INT8 has {ratio:.2f} of fp32's {made.fp32_bytes / 1e6:.2f} MB; ranges {chosen.rule}, "
        f"{len(chosen.kept)} layers in fp32, {made.found.strain:.0%} of the nearest parity bound"
    )
    report = record_or_warn(workspace)
    for line in describe(report) if report else ():
        _tell(line)


def _tell(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - a stage's progress


if __name__ == "__main__":
    die_with_dvc()
    with sentences("export"):
        main()
