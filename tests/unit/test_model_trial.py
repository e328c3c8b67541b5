"""A model file is tried in a process of its own, with limits."""

import time

import numpy as np
import psutil
import pytest
from integration.server.tiny_models import finish, metadata, tiny_model
from onnx import TensorProto, helper, numpy_helper

from blemish.errors import ModelFileError
from blemish.model_trial import try_model


def hungry() -> bytes:
    """A model that asks for 64 GB of zeros."""
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["zero"], keepdims=0),
        helper.make_node("Cast", ["image"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["grey", "zero"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["probability"]),
    ]
    shape = numpy_helper.from_array(np.array([1 << 34], np.int64), "shape")
    return finish(nodes, [shape], metadata())


def test_a_sound_model_passes() -> None:
    """The trial of a good file raises nothing."""
    try_model(tiny_model())


def test_a_slow_model_is_ended_in_time() -> None:
    """A file that computes for minutes costs as long as its trial may take."""
    start = time.monotonic()
    with pytest.raises(ModelFileError, match="within 3 s"):
        try_model(tiny_model(turns=15_000), seconds=3)
    assert time.monotonic() - start < 20


def test_a_hungry_model_is_refused() -> None:
    """A file that wants more memory than its trial may take is refused, and nothing else ends."""
    with pytest.raises(ModelFileError, match=r"memory|allocat|Alloc|trial"):
        try_model(hungry(), megabytes=512)


def test_the_reason_of_a_refusal_arrives() -> None:
    """What the process found is said by the error here."""
    with pytest.raises(ModelFileError, match="format '7'"):
        try_model(tiny_model(props=metadata(format="7")))


def test_the_next_trial_needs_no_new_program() -> None:
    """The program that tried a file tries the next, even after one that broke its limits."""
    try_model(tiny_model())
    waiting = _programs()
    with pytest.raises(ModelFileError):
        try_model(hungry(), megabytes=512)
    try_model(tiny_model())
    assert _programs() == waiting
    for program in waiting:
        program.kill()
        program.wait()
    try_model(tiny_model())  # by a new one


def _programs() -> list[psutil.Process]:
    children = psutil.Process().children()
    alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in alive if "blemish.trial_process" in child.cmdline()]
