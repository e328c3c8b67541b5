"""``blemish suggest``: which labels to check, and which photographs to label next."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blemish.cli.output import echo

if TYPE_CHECKING:
    from blemish.folder_walk import LeftOut
    from blemish.inference import Segmenter
    from blemish.suggestions import PhotographToRank, Suggestions


@click.command()
@click.argument("name")
@click.argument(
    "folders",
    nargs=-1,
    metavar="[FOLDER...]",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
)
@click.option(
    "--model",
    "ref",
    default="candidate",
    show_default=True,
    metavar="REF",
    help="Alias, version, or path of an .onnx file; best one that was fine-tuned on the set.",
)
@click.option(
    "--count", type=click.IntRange(1), default=20, show_default=True, help="Shown of each."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write an image of each suggestion: photograph, label, heatmap.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the suggestions as JSON.")
def suggest(
    name: str, folders: tuple[Path, ...], ref: str, count: int, out: Path | None, *, as_json: bool
) -> None:
    """Rank photographs of the set NAME, and those below FOLDER that nobody has labelled.

    First come labels to check: where model and mask disagree most. Then photographs to label: where
    the model is least sure.
    """
    from blemish.cli.predict_command import load_model
    from blemish.config import find_workspace
    from blemish.config.checkout_params import serve_params
    from blemish.imaging import Limits
    from blemish.sets import read_set
    from blemish.suggestions import (
        Suggestions,
        count_photographs,
        folder_photographs,
        rank_photographs,
        set_photographs,
    )
    from blemish.terminal_text import printable

    images = read_set(find_workspace().path("real") / name)
    identity, segmenter = load_model(ref)
    left_out: list[LeftOut] = []

    def photographs() -> Iterator["PhotographToRank"]:
        yield from set_photographs(images)
        limits, bits = Limits.of(serve_params()), images.about.get("bits")
        for folder in folders:
            yield from folder_photographs(folder, left_out, limits, bits, region=images.region)

    total = len(images) + sum(map(count_photographs, folders))
    shown = _track(photographs(), total)
    ranked = rank_photographs(shown, segmenter.probability, segmenter.card.point)
    chosen = Suggestions(ranked.check[:count], ranked.label[:count])
    if out is not None:
        _write_sheets(chosen, photographs(), segmenter, out)
    for one in left_out:
        echo(f"Not ranked: {printable(one.file)}: {one.reason}", err=True)
    if as_json:
        model = {"name": identity.name, "version": identity.version}
        echo(json.dumps({"set": name, "model": model, **asdict(chosen)}, indent=2))
        return
    echo("\n".join(_tell(chosen, folders, out)))


def _track(photographs: Iterable["PhotographToRank"], total: int) -> Iterable["PhotographToRank"]:
    from blemish.progress import track

    return track(iter(photographs), total, "Comparing")


def _tell(chosen: "Suggestions", folders: tuple[Path, ...], out: Path | None) -> Iterator[str]:
    from blemish.terminal_text import printable

    yield "Labels to check, the largest disagreement first:"
    for number, one in enumerate(chosen.check, 1):
        yield f"  {number:3}. {printable(one.name)}: {one.describe()}"
    if not chosen.check:
        yield "  none: model and labels agree"
    if folders:
        yield "Photographs to label next, the least sure first:"
        for number, one in enumerate(chosen.label, 1):
            yield f"  {number:3}. {printable(one.name)}: {one.describe()}"
    else:
        yield "Photographs to label next: name a folder of unlabelled ones as well."
    if out is not None:
        yield f"Look at them: {out}"


def _write_sheets(
    chosen: "Suggestions",
    photographs: Iterable["PhotographToRank"],
    segmenter: "Segmenter",
    out: Path,
) -> None:
    """Write each suggestion as one image, named by its rank."""
    from blemish.files import write_bytes
    from blemish.suggestions import draw_suggestion
    from blemish.visualization import encode_png

    ranks: dict[str, str] = {}
    for kind, ranked in (("check", chosen.check), ("label", chosen.label)):
        ranks |= {one.name: f"{kind}-{number:03}" for number, one in enumerate(ranked, 1)}
    for photograph in photographs:
        if photograph.name in ranks:
            sheet = draw_suggestion(photograph, segmenter.probability(photograph.plane))
            write_bytes(out / f"{ranks[photograph.name]}.png", encode_png(sheet))
