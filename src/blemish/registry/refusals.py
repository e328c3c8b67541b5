"""What the registry refuses, in sentences: other bytes, versions of others, names of nothing."""

import re
from collections.abc import Mapping

from blemish.errors import ModelFileError, NotFoundError, TamperedModelError
from blemish.registry.version import Version
from blemish.store.names import MODEL

DIGEST = re.compile(r"[0-9a-f]{64}")
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,250}")


def require_same(what: str, location: str, found: str, wanted: str) -> None:
    """Compare two SHA-256.

    Raises:
        TamperedModelError: They differ; ``what`` at ``location`` is not what was registered.
    """
    if found != wanted:
        raise TamperedModelError(
            f"{what} at {location} has SHA-256 {found[:12]}, registered was {wanted[:12]}. "
            "See: blemish doctor"
        )


def require_digest(version: Version) -> None:
    """Look at the tag of a version.

    Raises:
        ModelFileError: It names no SHA-256.
    """
    if not DIGEST.fullmatch(version.sha256):
        raise ModelFileError(
            f"Version {version.version} of {MODEL!r} has no sha256 tag (got "
            f"{version.sha256[:80]!r}), so it was not registered by Blemish and is not loaded. "
            "Register yours: blemish sync"
        )


def no_such_version(
    location: str, ref: str, names: Mapping[str, int], newest: int
) -> NotFoundError:
    """Say what was asked for, what there is, and what to do.

    Args:
        location: Address of the store.
        ref: What was asked for.
        names: The aliases that there are.
        newest: Number of the newest version; 0 where there is none.
    """
    if ref.isascii() and ref.isdigit():
        what = f"{MODEL!r} has no version {ref} at {location}"
    elif _ALIAS.fullmatch(ref):
        what = f"No version of {MODEL!r} has alias {ref!r} at {location}"
    else:
        what = f"{ref[:80]!r} names no version of {MODEL!r}; accepted are aliases and numbers"
    if not newest:
        return NotFoundError(f"{what}. Train one: make repro")
    return NotFoundError(
        f"{what}. Its newest version is {newest}, its aliases are: {', '.join(names) or 'none'}. "
        "List them: blemish models"
    )
