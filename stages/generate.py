"""Draws the synthetic set: images, masks, classes, and one sheet of all of it to look at."""

import argparse
from functools import partial
from pathlib import Path

import cv2

from blemish.config import load_params, settings
from blemish.config.generate import Generate
from blemish.exits import sentences
from blemish.parallel import ordered_map
from blemish.processes import die_with_dvc
from blemish.progress import track
from blemish.sets import EncodedImage, LabelledDefect, SetWriter, encode_image
from blemish.synthesis.contact_sheet import contact_sheet
from blemish.synthesis.scene import draw


def main() -> None:
    """Draw as many images as ``params.yaml`` says into the folder given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    paths = parser.parse_args()
    params = load_params(Path("params.yaml"))
    drawing = params.generate
    drawn = ordered_map(partial(draw_one, drawing), range(drawing.images), settings().workers)
    with SetWriter(paths.out, "synthetic", "synthetic") as writer:
        for encoded in track(drawn, drawing.images, "Drawing images"):
            writer.add_encoded(encoded)
        sheet = cv2.cvtColor(contact_sheet(drawing), cv2.COLOR_RGB2BGR)
        writer.add_file("contact_sheet.png", cv2.imencode(".png", sheet)[1].tobytes())


def draw_one(drawing: Generate, index: int) -> EncodedImage:
    """Draw and encode image ``index``."""
    scene = draw(drawing.seed, drawing, index)
    image_id = f"synthetic_{index:06d}"
    return encode_image(
        image_id,
        scene.image,
        scene.mask,
        group=image_id,
        defects=[
            LabelledDefect(found.class_name, found.mask, found.contrast_to_noise, found.width_px)
            for found in scene.defects
        ],
        attributes=scene.attributes,
    )


if __name__ == "__main__":
    die_with_dvc()
    with sentences("generate"):
        main()
