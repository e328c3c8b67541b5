"""Runs every benchmark, prints one table and writes ``benchmarks/results.json``.

Each of its modules is in ``bench/`` and has ``measure() -> list[dict]`` with ``name``, ``value``,
``unit`` and ``note``.
A speed is a ratio against a named reference, both measured in the same run, interleaved.
Run one alone with ``python benchmarks/run.py NAME``: its rows replace those of the same name.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from blemish.exits import sentences
from blemish.files import write_json

MODULES = ("generation", "network", "neighbour", "quantization", "serving", "monitoring", "scoring")
RESULTS = Path(__file__).with_name("results.json")

Row = dict[str, Any]


def main(names: tuple[str, ...]) -> None:
    """Measure what is named, or everything, and merge it into the results one by one."""
    unknown = set(names) - set(MODULES)
    if unknown:
        sys.exit(f"No benchmark {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}.")
    rows: list[Row] = [machine()]
    for name in names or MODULES:
        Console(stderr=True).print(f"[dim]measuring {name} ...[/dim]")
        rows += importlib.import_module(f"bench.{name}").measure()
        write_json(RESULTS, merged(rows))
    show(rows)


def merged(rows: list[Row]) -> list[Row]:
    """Put new rows in the place of old ones of the same name; keep the others."""
    old: list[Row] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    by_name = {row["name"]: row for row in [*old, *rows]}
    return list(by_name.values())


def machine() -> Row:
    """Describe the processor, since a ratio holds for its kind."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    fields = [line.partition(":")[::2] for line in text.splitlines()]
    values = {name.strip(): value.strip() for name, value in fields}
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")
    sets = [name for name in wanted if name in values["flags"].split()]
    cores = sum(name.strip() == "processor" for name, _ in fields)
    note = f"{values['model name']}; {', '.join(sets)}"
    return {"name": "machine_cores", "value": cores, "unit": "cores", "note": note}


def show(rows: list[Row]) -> None:
    """Print the table."""
    table = Table("name", "value", "unit", "note", box=None)
    for row in rows:
        table.add_row(row["name"], f"{row['value']:.4g}", row["unit"], row["note"])
    Console().print(table)


if __name__ == "__main__":
    with sentences("bench"):
        main(tuple(sys.argv[1:]))
