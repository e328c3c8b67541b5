"""What ``adaptation.py`` has measured: kept row by row, shown as a table and as curves.

    python benchmarks/adaptation_rows.py

prints the table of ``adaptation.csv`` and draws its curves.
"""

import csv
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from blemish import files

SAMPLES = Path(__file__).with_name("adaptation.csv")
CHART = Path(__file__).parents[1] / "docs" / "pictures" / "adaptation.svg"
KEYS = ("dice", "best_dice", "object_f1", "false_alarm_rate", "image_auroc")
COLUMNS = ("set", "start", "level", "seed", *KEYS, "minutes", "classes")
HEADER = (
    *("set", "start", "labelled", "splits", "pooled Dice", "at best", "object F1"),
    *("marks on defect-free", "image AUROC", "Dice of the classes, mean", "minutes"),
)

Row = dict[str, Any]


def read_rows() -> list[Row]:
    """Return every row that was measured, in the order of the table."""
    if not SAMPLES.exists():
        return []
    with SAMPLES.open(encoding="utf-8", newline="") as stream:
        return [_from_text(row) for row in csv.DictReader(stream)]


def _from_text(row: dict[str, str]) -> Row:
    numbers = {key: float(row[key]) if row[key] else None for key in (*KEYS, "minutes")}
    pairs = (pair.rsplit(" ", 1) for pair in row["classes"].split("; ") if pair)
    classes = {name: float(dice) for name, dice in pairs}
    return {**row, **numbers, "seed": int(row["seed"]), "classes": classes}


def keep_row(row: Row) -> list[Row]:
    """Write a row in the place of that of the same set, start, level and seed; return all."""
    rows = [other for other in read_rows() if _place(other) != _place(row)]
    rows = sorted([*rows, row], key=_place)
    files.write_text(SAMPLES, files.csv_text(COLUMNS, map(_as_text, rows)))
    return rows


def _place(row: Row) -> tuple[str, bool, str, float, int]:
    start = row["start"]
    return row["set"], start != "trained", start, _order(row["level"]), row["seed"]


def _order(level: str) -> float:
    """Return where a level stands: clean photographs alone are more than nothing, less than one."""
    return {"clean": 0.5, "all": math.inf}.get(level) or float(level)


def _as_text(row: Row) -> list[str]:
    classes = "; ".join(f"{name} {dice:.3f}" for name, dice in sorted(row["classes"].items()))
    numbers = ["" if row.get(key) is None else f"{row[key]:.4f}" for key in KEYS]
    minutes = "" if row.get("minutes") is None else f"{row['minutes']:.1f}"
    return [row["set"], row["start"], row["level"], str(row["seed"]), *numbers, minutes, classes]


def as_table(rows: Sequence[Row]) -> str:
    """Return a Markdown table: for each set, start and level, mean and range over the splits."""
    lines = [f"| {' | '.join(HEADER)} |", "| --- " * len(HEADER) + "|"]
    for name in dict.fromkeys((row["set"], row["start"], row["level"]) for row in rows):
        own = [row for row in rows if (row["set"], row["start"], row["level"]) == name]
        metrics = [_mean_and_range([row.get(key) for row in own]) for key in KEYS]
        kinds = sorted({kind for row in own for kind in row["classes"]})
        classes = ", ".join(f"{kind} {_mean_of_class(own, kind):.2f}" for kind in kinds)
        spent = [row["minutes"] for row in own if row.get("minutes") is not None]
        minutes = f"{statistics.fmean(spent):.1f}" if spent else ""
        lines.append(f"| {' | '.join((*name, str(len(own)), *metrics, classes, minutes))} |")
    return "\n".join(lines) + "\n"


def _mean_of_class(rows: Sequence[Row], kind: str) -> float:
    """Return the mean over the splits whose test photographs show the class."""
    return statistics.fmean(row["classes"][kind] for row in rows if kind in row["classes"])


def _mean_and_range(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    return f"{statistics.fmean(known):.3f} ({min(known):.2f} to {max(known):.2f})"


def draw(rows: Sequence[Row]) -> None:
    """Draw pooled Dice over the number of labels, a panel for each set, a curve for each start."""
    sets = list(dict.fromkeys(row["set"] for row in rows))
    figure, axes = plt.subplots(1, len(sets), figsize=(4.6 * len(sets), 3.2), squeeze=False)
    for panel, name in zip(axes[0], sets, strict=True):
        own = [row for row in rows if row["set"] == name]
        levels = sorted({row["level"] for row in own}, key=_order)
        for start in dict.fromkeys(row["start"] for row in own):
            _draw_curve(panel, [row for row in own if row["start"] == start], levels, start)
        panel.set(title=name, xlabel="labelled photographs", ylabel="pooled Dice", ylim=(0, 0.8))
        panel.set_xticks(range(len(levels)), levels)
        panel.legend(frameon=False, fontsize="small", title="starts from", title_fontsize="small")
    figure.tight_layout()
    figure.savefig(CHART, metadata={"Date": None})


def _draw_curve(panel: Any, rows: Sequence[Row], levels: Sequence[str], start: str) -> None:
    """Draw a point for each split and a line through their means."""
    places = [levels.index(row["level"]) for row in rows]
    points = panel.plot(places, [row["dice"] for row in rows], "o", markersize=4, alpha=0.6)
    shown = sorted(set(places))
    means = [
        statistics.fmean(row["dice"] for row, place in zip(rows, places, strict=True) if place == x)
        for x in shown
    ]
    names = {"trained": "synthetic images", "fresh": "fresh weights"}
    panel.plot(shown, means, color=points[0].get_color(), label=names.get(start, start))


def main() -> None:
    """Print the table and draw the curves."""
    rows = read_rows()
    print(as_table(rows))
    draw(rows)


if __name__ == "__main__":
    main()
