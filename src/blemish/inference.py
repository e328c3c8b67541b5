"""An ONNX file to a probability map to defects, in tiles of one shape; no torch, no MLflow.

A file is loaded from bytes that the caller has verified, never by its path, and is refused unless
it is what the contract of the model file says: :class:`ModelCard` reads its metadata,
:meth:`Segmenter.check` looks at what it answers.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from blemish.arrays import Map, Mask, Plane
from blemish.defects import Defect, measure_defects
from blemish.errors import ModelFileError, ModelOutputError
from blemish.interruption import Interruption
from blemish.model_card import ModelCard
from blemish.model_graph import refuse_unsafe_graph
from blemish.model_sessions import open_session
from blemish.operating_point import OperatingPoint
from blemish.preprocessing import preprocess_image
from blemish.tiling import predict_tiled

__all__ = ["Defect", "Segmentation", "Segmenter", "golden_image"]


_ROUNDING = 1e-5  # onnxruntime's vectorized sigmoid answers up to 1.0000001
_ORT_FAULTS = tuple(
    getattr(ort.capi.onnxruntime_pybind11_state, name)
    for name in (
        "Fail",
        "InvalidArgument",
        "InvalidGraph",
        "InvalidProtobuf",
        "NoModel",
        "NoSuchFile",
        "NotImplemented",
        "RuntimeException",
    )
)


@dataclass(frozen=True)
class Segmentation:
    """What a model says of one image."""

    probability: Map
    """Shape ``(H, W)``, in ``[0, 1]``."""
    mask: Mask
    """Same shape; True where a pixel counts as defect."""
    threshold: float
    defects: tuple[Defect, ...]
    """The largest first, at most ``LISTED_DEFECTS``."""
    defect_count: int
    """All of them."""


class Segmenter:
    """A loaded model file; safe to use from many threads at once.

    Args:
        session: Session of a file that fulfils the contract.
        card: What the file says of itself.
    """

    def __init__(self, session: ort.InferenceSession, card: ModelCard) -> None:
        self._session = session
        self.card = card

    @classmethod
    def from_bytes(cls, data: bytes, *, threads: int | None = None) -> Self:
        """Load a model from bytes that have been verified.

        Args:
            data: The ONNX file.
            threads: Threads of one inference; onnxruntime decides by default.

        Raises:
            ModelFileError: The bytes are no model of ours.
        """
        refuse_unsafe_graph(data)
        try:
            session = open_session(data, threads=threads or 0)
        except _ORT_FAULTS as error:
            raise ModelFileError(f"The file is no ONNX model that runs here: {error}") from error
        _check_signature(session)
        return cls(session, ModelCard.from_metadata(session.get_modelmeta().custom_metadata_map))

    @classmethod
    def from_file(cls, path: Path, *, threads: int | None = None) -> Self:
        """Load a model file whose bytes the caller trusts.

        Raises:
            ModelFileError: It cannot be read or is no model of ours.
        """
        try:
            return cls.from_bytes(path.read_bytes(), threads=threads)
        except OSError as error:
            raise ModelFileError(f"Cannot read the model {path}: {error.strerror}.") from error

    def run(
        self,
        batch: npt.NDArray[np.uint8],
        interruption: Interruption | None = None,
        *,
        shrinking: bool = False,
    ) -> Map:
        """Run the graph as it is, on tiles.

        Args:
            batch: Shape ``(N, 1, tile, tile)``.
            interruption: By which another thread may end it.
            shrinking: Give back the memory that this shape alone needed.

        Returns:
            Probability of the same shape.

        Raises:
            ModelFileError: The graph does not run on that.
            ModelOutputError: It answered by values that are no probabilities.
            InferenceInterruptedError: Another thread ended it.
        """
        answer = self._answer(batch, interruption, shrinking=shrinking)
        lowest, highest = float(answer.min()), float(answer.max())
        if not (lowest >= -_ROUNDING and highest <= 1.0 + _ROUNDING):  # so that NaN is found too
            raise ModelOutputError(
                f"The model answered by {lowest} to {highest}; probabilities are 0 to 1."
            )
        return np.clip(answer, 0.0, 1.0)  # rounding

    def _answer(
        self, batch: Plane, interruption: Interruption | None = None, *, shrinking: bool = False
    ) -> Map:
        interruption = interruption or Interruption()
        try:
            with interruption.running(shrinking=shrinking) as options:
                answer: Map = self._session.run(["probability"], {"image": batch}, options)[0]
        except _ORT_FAULTS as error:
            raise ModelFileError(f"The model does not run on {batch.shape}: {error}") from error
        return answer

    def run_shape(
        self, batch: npt.NDArray[np.uint8], interruption: Interruption | None = None
    ) -> Map:
        """Run the graph on any shape, and give back the memory that this shape alone needed.

        Args:
            batch: Shape ``(N, 1, H, W)``, H and W multiples of the stride.
            interruption: By which another thread may end it.

        Raises:
            ModelFileError: As :meth:`run`.
            ModelOutputError: Likewise.
            InferenceInterruptedError: Likewise.
        """
        tile = self.card.tile
        return self.run(batch, interruption, shrinking=batch.shape[2:] != (tile, tile))

    def probability(
        self, plane: Plane, *, prepared: bool = False, interruption: Interruption | None = None
    ) -> Map:
        """Return the probability of defect of every pixel.

        One tile at a time, so that an answer depends on nothing but its image, and memory on
        nothing but the tile.

        Args:
            plane: Shape ``(H, W)``, uint8, any size from 1 x 1.
            prepared: It is at the model's scale already, as the test images of a run are.
            interruption: By which another thread may end it.

        Returns:
            Shape ``(H, W)``, float32, in ``[0, 1]``.

        Raises:
            ModelOutputError: The model answered by values that are no probabilities.
            InferenceInterruptedError: Another thread ended it.
        """
        run = functools.partial(self.run, interruption=interruption)
        if prepared:
            return predict_tiled(plane, run, tile=self.card.tile)
        resizing = self.card.resizing
        answer = predict_tiled(preprocess_image(plane, resizing), run, tile=self.card.tile)
        return resizing.restore(answer, *plane.shape)

    def predict(
        self, plane: Plane, threshold: float | None = None, *, prepared: bool = False
    ) -> Segmentation:
        """Find the defects of an image.

        Args:
            plane: Shape ``(H, W)``, uint8.
            threshold: In ``[0, 1]``, marks every pixel from there on; the model's own operating
                point by default.
            prepared: It is at the model's scale already.
        """
        return self.judge(self.probability(plane, prepared=prepared), threshold)

    def judge(
        self, probability: Map, threshold: float | None = None, peak: float = 0.0
    ) -> Segmentation:
        """Decide what is a defect.

        Args:
            probability: As :meth:`probability` returned it.
            threshold: In ``[0, 1]``; the model's own operating point by default.
            peak: In ``[0, 1]``, what a mark must reach at a threshold given here.
        """
        used = self.card.point if threshold is None else OperatingPoint(threshold, peak)
        mask = used.mark(probability)
        defects, count = measure_defects(mask, probability)
        return Segmentation(probability, mask, used.threshold, defects, count)

    def check(self) -> None:
        """Run the golden image and look at the answer; also warms the model up.

        Raises:
            ModelFileError: The answer has another shape, is not finite, or is no probability, or
                changes from one run to the next.
        """
        golden = golden_image(self.card.tile)[None, None]
        first, second = self._answer(golden), self._answer(golden)
        if first.shape != golden.shape or first.dtype != np.float32:
            raise ModelFileError(
                f"The model answers {golden.shape} by {first.dtype} {first.shape}; "
                f"expected float32 {golden.shape}."
            )
        if not np.isfinite(first).all():
            raise ModelFileError("The model answers the golden image by NaN or infinity.")
        if first.min() < -_ROUNDING or first.max() > 1.0 + _ROUNDING:
            raise ModelFileError(
                f"The model answers {first.min()} to {first.max()}; probabilities are 0 to 1."
            )
        if not np.array_equal(first, second):
            raise ModelFileError("The model answers the golden image differently each time.")


@functools.cache
def golden_image(side: int) -> Plane:
    """Draw the image that every model must answer sensibly: brushed metal with a dark scratch.

    Args:
        side: Side of the image, pixels.

    Returns:
        Shape ``(side, side)``, uint8; the same on every machine.
    """
    rows, columns = np.mgrid[:side, :side].astype(np.int64)
    surface = 128 + (rows * 2654435761 % 97) // 8 + (columns * rows) % 5
    surface[np.abs(columns - rows // 2 - side // 4) < 2] = 40
    image: Plane = surface.astype(np.uint8)
    return image


def _check_signature(session: ort.InferenceSession) -> None:
    """Refuse a graph whose input or output is not the contract's."""
    inputs = [(i.name, i.type, len(i.shape)) for i in session.get_inputs()]
    outputs = [(o.name, o.type, len(o.shape)) for o in session.get_outputs()]
    if inputs != [("image", "tensor(uint8)", 4)] or outputs != [
        ("probability", "tensor(float)", 4)
    ]:
        raise ModelFileError(
            f"The model maps {inputs} to {outputs}; accepted: image, uint8 [N, 1, H, W], to "
            "probability, float32 [N, 1, H, W]."
        )
