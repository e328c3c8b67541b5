"""Files that hold secrets: whole or absent, and never readable by others, not for a moment."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write_private(target: Path, text: str) -> None:
    """Write a file that its owner alone may read, atomically, whatever the umask is.

    Raises:
        OSError: The disk is full or the folder cannot be written.
    """
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
