"""A tiny source of each layout that Blemish imports, made where a test asks for it."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from pycocotools import mask as coco

SIZE = (30, 40)


def image(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, SIZE, dtype=np.uint8)


def mask(*, defective: bool = True) -> np.ndarray:
    plane = np.zeros(SIZE, np.uint8)
    if defective:
        plane[5:9, 10:30] = 255
        plane[20:22, 3:5] = 255
    return plane


def save(path: Path, plane: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), plane)


def make_magnetic_tile(root: Path) -> None:
    for index, name in enumerate(["Crack", "Crack", "Free", "Blowhole"]):
        stem = root / f"MT_{name}" / "Imgs" / f"exp{index}_num_1"
        save(stem.with_suffix(".jpg"), image(index))
        soft = cv2.GaussianBlur(mask(defective=name != "Free"), (3, 3), 0)
        save(stem.with_suffix(".png"), soft)
    rows = "MT_Crack/Imgs/exp0_num_1.jpg,crack,t1\nMT_Crack/Imgs/exp1_num_1.jpg,crack,t1\n"
    rows += "MT_Free/Imgs/exp2_num_1.jpg,free,t2\nMT_Blowhole/Imgs/exp3_num_1.jpg,blowhole,t3\n"
    (root / "groups.csv").write_text(f"image,class,group\n{rows}")


def make_mvtec(root: Path) -> None:
    save(root / "plate/train/good/000.png", image(0))
    save(root / "plate/test/good/000.png", image(1))
    save(root / "plate/test/bent/000.png", image(2))
    save(root / "plate/ground_truth/bent/000_mask.png", mask())


def make_kolektor(root: Path) -> None:
    for part in range(3):
        save(root / f"kos01/Part{part}.jpg", image(part))
        save(root / f"kos01/Part{part}_label.bmp", mask(defective=part == 1))


def make_kolektor2(root: Path) -> None:
    for index, split in enumerate(["train", "train", "test"]):
        save(root / f"{split}/1000{index}.png", np.dstack([image(index)] * 3))
        save(root / f"{split}/1000{index}_GT.png", mask(defective=index == 1))
    save(root / "train/10001 (copy).png", image(1))
    save(root / "train/10001_GT (copy).png", mask())


def make_coco(root: Path) -> None:
    for index in range(3):
        save(root / f"images/{index}.png", image(index))
    part = (mask() > 0) & (np.arange(SIZE[0]) < 15)[:, None]
    packed = coco.encode(np.asfortranarray(part.astype(np.uint8)))["counts"].decode()
    flat = part.ravel(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat])))
    plain = np.diff([0, *edges, flat.size]).tolist()
    size = list(SIZE)

    def entry(image: int, category: int, segmentation: object) -> dict:
        return {"image_id": image, "category_id": category, "segmentation": segmentation}

    annotations = [
        entry(0, 5, [[10, 5, 30, 5, 30, 9, 10, 9]]),
        entry(0, 6, [[3, 20, 5, 20, 5, 22, 3, 22]]),
        entry(1, 5, {"size": size, "counts": packed}),
        entry(2, 5, {"size": size, "counts": plain}),
    ]
    document = {
        "images": [{"id": k, "file_name": f"{k}.png", "height": 30, "width": 40} for k in range(3)],
        "categories": [{"id": 5, "name": "Scratch"}, {"id": 6, "name": "deep pit"}],
        "annotations": annotations,
    }
    (root / "annotations").mkdir()
    (root / "annotations/instances.json").write_text(json.dumps(document))


def make_labelme(root: Path) -> None:
    shapes = [
        {"label": "scratch", "points": [[10, 5], [30, 5], [30, 9], [10, 9]]},
        {"label": "pit", "points": [[3, 20], [5, 22]], "shape_type": "rectangle"},
        {"label": "pit", "points": [[30, 20], [33, 20]], "shape_type": "circle"},
    ]
    save(root / "a.png", image(0))
    document = {"imagePath": "..\\x\\a.png", "imageHeight": 30, "imageWidth": 40, "shapes": shapes}
    (root / "a.json").write_text(json.dumps(document))
    save(root / "ok" / "b.png", image(1))


def make_yolo(root: Path) -> None:
    for index in range(3):
        save(root / f"train/images/{index}.jpg", image(index))
    lines = ["1 0.25 0.16667 0.75 0.16667 0.75 0.3 0.25 0.3", "0 0.1 0.7 0.2 0.7 0.2 0.8 0.1 0.8"]
    (root / "train/labels").mkdir()
    (root / "train/labels/0.txt").write_text("\n".join(lines) + "\n")
    (root / "train/labels/1.txt").write_text("")
    (root / "train/labels/2.txt").write_text(lines[0])
    (root / "data.yaml").write_text("names: [pit, Deep Scratch]\n")


def make_run_lengths(root: Path) -> None:
    for index in range(3):
        save(root / f"train_images/{index}.jpg", image(index))
    save(root / "test_images/9.jpg", image(9))
    flat = np.concatenate(
        [[0], ((mask() > 0) & (np.arange(30) < 15)[:, None]).ravel(order="F"), [0]]
    )
    starts, ends = np.flatnonzero(np.diff(flat) == 1), np.flatnonzero(np.diff(flat) == -1)
    runs = " ".join(f"{start + 1} {end - start}" for start, end in zip(starts, ends, strict=True))
    rows = f"0.jpg,3,{runs}\n1.jpg,,\n2.jpg,1,{runs}\n"
    (root / "train.csv").write_text(f"ImageId,ClassId,EncodedPixels\n{rows}")


def make_folders(root: Path) -> None:
    save(root / "images/scratch/a.jpg", image(0))
    save(root / "masks/scratch/a.png", mask())
    save(root / "images/good/b.tif", image(1).astype(np.uint16) * 257)


def make_siblings(root: Path) -> None:
    for index in range(2):
        save(root / f"{index}.jpg", image(index))
        save(root / f"{index}.png", mask(defective=index == 0) // 255)


def make_suffixes(root: Path) -> None:
    save(root / "a.bmp", image(0))
    Image.fromarray(mask() > 0).save(root / "a_mask.png")
    save(root / "b.bmp", image(1))
    save(root / "b_mask.png", mask(defective=False))


def make_ground_truth(root: Path) -> None:
    save(root / "a.png", image(0))
    save(root / "ground_truth/a.png", mask())


# Of each source: the layout, how many images, and the classes of the defects of the defective ones.
SOURCES: dict[Callable[[Path], None], tuple[str, int, list[list[str]]]] = {
    make_magnetic_tile: ("magnetic-tile", 4, [["blowhole"] * 2, ["crack"] * 2, ["crack"] * 2]),
    make_mvtec: ("mvtec-ad", 3, [["bent"] * 2]),
    make_kolektor: ("kolektor-sdd", 3, [["crack"] * 2]),
    make_kolektor2: ("kolektor-sdd2", 3, [["defect"] * 2]),
    make_coco: ("coco", 3, [["scratch", "deep_pit"], ["scratch"], ["scratch"]]),
    make_labelme: ("labelme", 2, [["scratch", "pit", "pit"]]),
    make_yolo: ("yolo-seg", 3, [["deep_scratch", "pit"], ["deep_scratch"]]),
    make_run_lengths: ("run-length-csv", 3, [["class_3"], ["class_1"]]),
    make_folders: ("pairs", 2, [["scratch"] * 2]),
    make_siblings: ("pairs", 2, [["defect"] * 2]),
    make_suffixes: ("pairs", 2, [["defect"] * 2]),
    make_ground_truth: ("pairs", 1, [["defect"] * 2]),
}
