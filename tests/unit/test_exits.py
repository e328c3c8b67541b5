"""How programs end: a sentence for what a person can mend, a traceback for the rest."""

import errno
from pathlib import Path

import pytest

from blemish.errors import DataError
from blemish.exits import sentences


def test_our_errors_end_a_program_with_their_sentence() -> None:
    """What a person can mend is told without a traceback."""
    with pytest.raises(SystemExit, match=r"^generate: No such set\.$"), sentences("generate"):
        raise DataError("No such set.")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_a_sentence_too() -> None:
    """The device that is always full: what to do is said, and nothing of Python's is shown."""
    with (
        pytest.raises(SystemExit, match=r"^train: No space left on device.*Free some space"),
        sentences("train"),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"1")


def test_other_faults_keep_their_traceback() -> None:
    """A mistake of the code is not dressed up as one of its user."""
    with pytest.raises(OSError, match="Bad file"), sentences("train"):
        raise OSError(errno.EBADF, "Bad file descriptor")
    with pytest.raises(ZeroDivisionError), sentences("train"):
        raise ZeroDivisionError
