"""How fast images are drawn, masks, classes and encoding included."""

import time
from functools import partial
from typing import Any

from blemish.config import find_workspace, load_params
from blemish.config.generate import Generate
from blemish.parallel import ordered_map
from blemish.sets import EncodedImage, LabelledDefect, encode_image
from blemish.synthesis.camera import choose_camera
from blemish.synthesis.scene import CameraChoice, draw

_SIZE = 256
_WORKERS = 2
_WARM_UP = 96  # images: the workers start and build their noise
_IMAGES = 720


def measure() -> list[dict[str, Any]]:
    """Draw images with the current params in two processes, after a warm-up."""
    params = load_params(find_workspace().params_file).generate
    params = params.model_copy(update={"size": _SIZE})
    job = partial(_size, params)
    drawn = ordered_map(job, range(_WARM_UP + _IMAGES), _WORKERS)
    started, size, warm = 0.0, 0, 0
    for number, length in enumerate(drawn):
        if number == _WARM_UP:
            started = time.perf_counter()
            warm = number
        size += length
    rate = (_WARM_UP + _IMAGES - 1 - warm) / (time.perf_counter() - started)
    each = size / (_WARM_UP + _IMAGES)
    note = f"{_SIZE} x {_SIZE} px, {_WORKERS} processes, {each:.0f} bytes each"
    return [{"name": "generate_images_per_s", "value": rate, "unit": "1/s", "note": note}]


def draw_encoded(
    drawing: Generate, index: int, choose: CameraChoice = choose_camera
) -> EncodedImage:
    """Draw and encode one image as the stage does."""
    scene = draw(drawing.seed, drawing, index, choose=choose)
    defects = [
        LabelledDefect(found.class_name, found.mask, found.contrast_to_noise, found.width_px)
        for found in scene.defects
    ]
    name = f"synthetic_{index:06d}"
    return encode_image(
        name, scene.image, scene.mask, group=name, defects=defects, attributes=scene.attributes
    )


def _size(drawing: Generate, index: int) -> int:
    """Return the bytes of one image; the image itself stays in its process."""
    encoded = draw_encoded(drawing, index)
    return len(encoded.image_png) + len(encoded.mask_png)


if __name__ == "__main__":
    for row in measure():
        print(row)
