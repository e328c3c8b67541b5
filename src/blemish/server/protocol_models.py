"""The JSON documents of the Open Inference Protocol v2, as pydantic models.

The OpenAPI document shows them, and each request is validated by them.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

MAX_PIXELS = 4_194_304
"""Most pixels of all images of a request: their feature maps take about 500 bytes a pixel."""

Side = Annotated[int, Field(strict=True, ge=1, le=MAX_PIXELS)]
Channels = Annotated[int, Field(strict=True, ge=1, le=1)]
Shape = tuple[Side, Channels, Side, Side]


class _Protocol(BaseModel):
    # The protocol has members for others, which are no fault.
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class BinaryParameters(_Protocol):
    """What the binary extension asks of one tensor."""

    binary_data_size: int | None = Field(default=None, strict=True, ge=0)
    binary_data: bool = Field(default=False, strict=True)


class RequestParameters(_Protocol):
    """What the binary extension asks of the whole request."""

    binary_data_output: bool = Field(default=False, strict=True)


class InputTensor(_Protocol):
    """The images."""

    name: Literal["image"]
    datatype: Literal["UINT8"]
    shape: Shape
    data: Annotated[
        list[Any] | dict[str, Any] | None, WithJsonSchema({"type": "array", "items": {}})
    ] = None
    """Numbers from 0 to 255, flat or nested as the shape says."""
    parameters: BinaryParameters = BinaryParameters()


class RequestedOutput(_Protocol):
    """The probability map."""

    name: Literal["probability"]
    parameters: BinaryParameters = BinaryParameters()


class InferenceRequest(_Protocol):
    """The body of a request to ``infer``."""

    id: str | None = Field(default=None, strict=True)
    inputs: tuple[InputTensor]
    outputs: tuple[RequestedOutput] | None = None
    parameters: RequestParameters = RequestParameters()


class OutputTensor(BaseModel):
    """The probability maps."""

    name: str = "probability"
    datatype: str = "FP32"
    shape: tuple[int, int, int, int]
    data: list[float] = Field(default_factory=list)
    """Row by row; absent where the bytes follow the JSON."""
    parameters: dict[str, int] = Field(default_factory=dict)


class InferenceResponse(BaseModel):
    """The body of an answer of ``infer``."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: tuple[OutputTensor]


class TensorMetadata(BaseModel):
    """What a tensor of the model looks like; -1 is any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


INPUT = TensorMetadata(name="image", datatype="UINT8", shape=(-1, 1, -1, -1))
OUTPUT = TensorMetadata(name="probability", datatype="FP32", shape=(-1, 1, -1, -1))
