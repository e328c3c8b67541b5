"""The images that the browser gets."""

import base64

import cv2
import numpy as np
import numpy.typing as npt

from blemish.dashboard.viewer import Pane, ViewerFrame, make_frame
from blemish.visualization import create_heatmap, overlay_truth


def layer_of(frame: ViewerFrame, number: int) -> npt.NDArray[np.uint8]:
    url = frame.content["panes"][number]["layer"]  # type: ignore[index]  # JSON
    data = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_UNCHANGED)  # type: ignore[return-value]


def test_marks_are_sent_without_the_image_below_them() -> None:
    """Where a layer repeats the image it is transparent, elsewhere it has its own colours.

    A heatmap, which covers all, is sent as it is; a photograph takes a fraction of the bytes.
    """
    rng = np.random.default_rng(1)
    plane = rng.integers(0, 255, (300, 300)).astype(np.uint8)
    found, truth = np.zeros((2, 300, 300), bool)
    found[20:40, 20:90] = True
    truth[30:60, 20:90] = True
    marks = overlay_truth(plane, found, truth, 1.0)
    heat = create_heatmap(rng.random((300, 300), np.float32))
    frame = make_frame("x", plane, [Pane("marks", marks, ""), Pane("heat", heat, "")])
    seen = layer_of(frame, 0)
    assert np.array_equal(seen[:, :, 3] == 255, found | truth)
    assert np.array_equal(seen[found | truth][:, 2::-1], marks[found | truth])
    assert np.array_equal(layer_of(frame, 1)[:, :, ::-1], heat)
    opaque = make_frame("x", plane, [Pane("marks", marks[::-1], "")])
    sparse = make_frame("x", plane, [Pane("marks", marks, "")])
    assert sparse.bytes - len(str(sparse.content["base"])) < 0.05 * opaque.bytes
