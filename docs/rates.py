"""What a rate of images a second needs, worked out from the rows of ``benchmarks/results.json``.

``docs/conf.py`` writes the table when the site is built, so that it follows what was measured last.
"""

import json
import math
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results.json"
RATES = (10, 1_000, 100_000)
CORES = 16  # of a machine
LINK = 125e6  # bytes a second: 1 Gbit/s
S3_READS = 5_500  # requests a second that S3 answers for each prefix (AWS's own number)
SHARD = 512  # images
FILES = 3  # written for each shard


def rates_table() -> list[str]:
    """Return the sentence of what was measured, and the table, as lines of Markdown.

    Where nothing was measured, the lines say how to do so.
    """
    rows = {row["name"]: row for row in json.loads(RESULTS.read_text(encoding="utf-8"))}
    try:
        rate = rows["score_images_per_s_and_process"]["value"]
        size = rows["score_image_bytes"]["value"]
        over = rows["score_over_bare_loop"]["value"]
    except KeyError as error:
        return [f"Not measured: `{RESULTS.name}` has no row {error}. Run: `make bench`"]
    said = (
        f"`make bench` measured {rate:.0f} images of 256 x 256 pixels a second on each processor, "
        f"in fp32, which is {over:.2f} of a bare loop; an image had {size / 1e3:.0f} KB. From that:"
    )
    heads = ["images a second", "processors", f"machines of {CORES}", "reading"]
    heads += ["links of 1 Gbit/s", "prefixes of S3", "files written a second"]
    lines = [heads, ["---"] * len(heads), *(_cells(wanted, rate, size) for wanted in RATES)]
    return [said, "", *(f"| {' | '.join(line)} |" for line in lines)]


def _cells(wanted: int, rate: float, size: float) -> list[str]:
    processors = math.ceil(wanted / rate)
    reading, files = wanted * size, FILES * wanted / SHARD
    return [
        f"{wanted:,}",
        f"{processors:,}",
        f"{math.ceil(processors / CORES):,}",
        f"{reading / 1e9:.1f} GB/s" if reading >= 1e9 else f"{reading / 1e6:.1f} MB/s",
        f"{math.ceil(reading / LINK):,}",
        f"{math.ceil(wanted / S3_READS):,}",
        f"{files:,.0f}" if files >= 10 else f"{files:.2g}",
    ]
