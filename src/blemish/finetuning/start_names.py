"""How a start is named; nothing here imports torch."""

import re

from blemish.errors import ParamsError

SUFFIX = ".pt"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_name(name: str) -> None:
    """Refuse a name that could leave the folder of the starts.

    Raises:
        ParamsError: It is not accepted.
    """
    if not _NAME.fullmatch(name):
        raise ParamsError(
            f"A start cannot be named {name!r}; accepted: up to 100 letters, digits, '.', '_' and "
            "'-', the first a letter or digit."
        )
