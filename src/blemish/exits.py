"""How a program ends when something fails: one sentence on stderr, exit status 1.

``BLEMISH_DEBUG=1``, or ``blemish --debug``, shows the traceback instead. A stage that fails also
keeps both in ``.blemish/failures``: what nobody reads when DVC prints it is not lost.
"""

import errno
import io
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from blemish.errors import BlemishError
from blemish.terminal_text import printable_lines

DEBUG = "BLEMISH_DEBUG"
"""Environment variable that asks for tracebacks."""

_ADVICE = {
    errno.ENOSPC: "Free some space",
    errno.EDQUOT: "Free some of your quota",
    errno.EROFS: "Make it writable",
    errno.EACCES: "Make it accessible",
    errno.EPERM: "Make it accessible",
}
"""What to do about a fault of the disk, by its number."""


@contextmanager
def sentences(program: str) -> Iterator[None]:
    """Be the outermost handler of a program: end it with a sentence on any error.

    Args:
        program: Name that the sentence starts with.

    Raises:
        SystemExit: With the sentence, which the interpreter writes to stderr.
    """
    _print_whatever_the_encoding()
    kept = _failure_file(program)
    try:
        yield
    except Exception as error:  # the outermost handler
        told = printable_lines(f"{program}: {_sentence(error)}")
        if kept and _keep(kept, told):
            told += f"\nKept, with its traceback: {kept}"
        if os.environ.get(DEBUG):
            raise
        sys.exit(told)
    if kept:
        with suppress(OSError):  # it says nothing about this run
            kept.unlink(missing_ok=True)


def _sentence(error: Exception) -> str:
    if isinstance(error, BlemishError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _ADVICE:
        place = f" ({error.filename})" if error.filename else ""
        return (
            f"{error.strerror}{place}. {_ADVICE[error.errno]} and run it again; no file was left "
            "half-written under its final name."
        )
    return (
        f"unexpected {type(error).__name__}: {error}. This is a fault of Blemish, not of yours. "
        f"Run it again with {DEBUG}=1 to see where it happens."
    )


def _failure_file(program: str) -> Path | None:
    """Return where a stage that DVC has started keeps how it failed; None for other programs."""
    if "DVC_STAGE" not in os.environ:
        return None
    root = os.environ.get("DVC_ROOT") or Path.cwd()
    return Path(root, ".blemish", "failures", f"{program}.txt")


def _keep(path: Path, told: str) -> bool:
    """Write down how a stage failed; False where the disk does not take it."""
    from blemish.files import write_bytes  # noqa: PLC0415 - what fails alone needs it

    when = datetime.now(UTC).isoformat(timespec="seconds")
    text = f"{when}\n{told}\n\n{traceback.format_exc()}"
    try:
        write_bytes(path, text.encode(errors="backslashreplace"))
    except OSError:
        return False
    return True


def _print_whatever_the_encoding() -> None:
    """Write what a terminal's encoding lacks as escapes, so that no output ends a program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
