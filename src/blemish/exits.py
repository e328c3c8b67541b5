"""How a program ends when something fails that a person can mend: one sentence, exit status 1."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from blemish.errors import BlemishError

_ADVICE = {
    errno.ENOSPC: "Free some space",
    errno.EDQUOT: "Free some of your quota",
    errno.EROFS: "Make it writable",
    errno.EACCES: "Make it accessible",
    errno.EPERM: "Make it accessible",
}
"""What to do about a fault of the disk, by its number; all other faults keep their traceback."""


@contextmanager
def sentences(program: str) -> Iterator[None]:
    """End the process on an error of ours, or a disk that is full or closed to us.

    Args:
        program: Name that the sentence starts with.

    Raises:
        SystemExit: With the sentence, which the interpreter writes to stderr.
    """
    try:
        yield
    except BlemishError as error:
        sys.exit(f"{program}: {error}")
    except OSError as error:
        if error.errno not in _ADVICE:
            raise
        place = f" ({error.filename})" if error.filename else ""
        sys.exit(
            f"{program}: {error.strerror}{place}. {_ADVICE[error.errno]} and run it again; no file "
            "was left half-written under its final name."
        )
