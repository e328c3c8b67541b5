"""How programs end: one sentence, and a traceback for who asks for it."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from blemish.cli import _take_debug
from blemish.errors import DataError
from blemish.exits import sentences
from blemish.terminal_text import printable_lines as printable


def test_our_errors_end_a_program_with_their_sentence() -> None:
    """What a person can fix is told without a traceback."""
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


@pytest.mark.parametrize("fault", [OSError(errno.EBADF, "Bad file"), ZeroDivisionError("by zero")])
def test_a_fault_of_ours_says_so_and_shows_its_traceback_on_request(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of the code is not dressed up as one of its user, and can be looked at."""
    monkeypatch.delenv("BLEMISH_DEBUG", raising=False)
    with (
        pytest.raises(
            SystemExit, match=r"^train: unexpected \w+Error: .*fault of Blemish.*DEBUG=1"
        ),
        sentences("train"),
    ):
        raise fault
    monkeypatch.setenv("BLEMISH_DEBUG", "1")
    with pytest.raises(type(fault)), sentences("train"):
        raise fault


def test_a_stage_that_fails_keeps_how_until_it_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentence and traceback lie in a file, whoever reads what DVC prints."""
    monkeypatch.delenv("BLEMISH_DEBUG", raising=False)
    monkeypatch.setenv("DVC_STAGE", "train")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    kept = tmp_path / ".blemish" / "failures" / "train.txt"
    with pytest.raises(SystemExit, match=f"by zero.*\n.*{kept}"), sentences("train"):
        raise ZeroDivisionError("by zero")
    told = kept.read_text()
    assert "train: unexpected ZeroDivisionError: by zero" in told
    assert f'File "{__file__}"' in told
    with sentences("train"):
        pass
    assert not kept.exists()
    (tmp_path / ".blemish" / "failures").rmdir()
    (tmp_path / ".blemish" / "failures").touch()  # nothing can be written: the sentence comes
    with pytest.raises(SystemExit, match=r"^train: No such set\.$"), sentences("train"):
        raise DataError("No such set.")


def test_the_text_of_others_cannot_control_a_terminal() -> None:
    """Escape sequences, carriage returns and direction overrides of a file name are shown."""
    assert printable("a\x1b[2J\rb\u202ec\x9b") == "a\\x1b[2J\\rb\\u202ec\\x9b"
    assert printable("Größe 長\n\tok") == "Größe 長\n\tok"


def test_an_encoding_that_lacks_a_character_ends_no_program() -> None:
    """A Latin-1 terminal gets an escape instead of a UnicodeEncodeError."""
    code = "from blemish.exits import sentences\nwith sentences('x'): print('5 \\u2265 4')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"5 \\u2265 4\n"


def test_debug_stands_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """``--debug`` is taken before or after a command, but not from what follows ``--``."""
    monkeypatch.setenv("BLEMISH_DEBUG", "")
    assert _take_debug(["predict", "x.png", "--debug"]) == ["predict", "x.png"]
    assert os.environ["BLEMISH_DEBUG"] == "1"
    monkeypatch.setenv("BLEMISH_DEBUG", "")
    assert _take_debug(["predict", "--", "--debug"]) == ["predict", "--", "--debug"]
    assert os.environ["BLEMISH_DEBUG"] == ""
