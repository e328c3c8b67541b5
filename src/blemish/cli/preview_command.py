"""``blemish preview``: what the current parameters draw, in seconds."""

from pathlib import Path

import click

from blemish.cli.output import echo


@click.command()
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("preview.png"),
    show_default=True,
    help="The contact sheet to write.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Another seed than that of params.yaml.")
@click.option("--plain", is_flag=True, help="Leave out the borders of the masks.")
def preview(out: Path, seed: int | None, *, plain: bool) -> None:
    """Draw every surface with every defect, as params.yaml stands now."""
    import cv2

    from blemish.config import find_workspace, load_params
    from blemish.files import write_bytes
    from blemish.synthesis.contact_sheet import contact_sheet

    params = load_params(find_workspace().params_file).generate
    if seed is not None:
        params = params.model_copy(update={"seed": seed})
    sheet = cv2.cvtColor(contact_sheet(params, outlines=not plain), cv2.COLOR_RGB2BGR)
    write_bytes(out, cv2.imencode(".png", sheet)[1].tobytes())
    echo(f"{out}: {sheet.shape[1]} x {sheet.shape[0]} px")
