"""One file of a folder may fail in any way; the others are predicted all the same."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from faulty_images import encode, grey

from blemish.cli.predict_command import Input, Job, _predict_one
from blemish.exits import DEBUG
from blemish.imaging import Limits


class Broken:
    """A segmenter with a fault that nobody foresaw."""

    card = SimpleNamespace()

    def probability(self, *_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")


def test_an_unforeseen_fault_is_that_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names its kind, and the next step; with --debug it is raised."""
    monkeypatch.delenv(DEBUG, raising=False)
    path = tmp_path / "x.png"
    path.write_bytes(encode(grey()))
    job = Job(SimpleNamespace(), Broken(), None, Limits(), None)  # type: ignore[arg-type]
    result = _predict_one(Input(path, Path("x")), None, job)
    assert result["error"] == "unexpected ZeroDivisionError: division by zero; see it by --debug"
    monkeypatch.setenv(DEBUG, "1")
    with pytest.raises(ZeroDivisionError):
        _predict_one(Input(path, Path("x")), None, job)
