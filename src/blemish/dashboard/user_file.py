"""The people who may log in to the dashboard beyond loopback; passwords are kept as scrypt hashes.

The file is readable by its owner alone. A password is hashed with a salt of its own (RFC 7914,
N = 2^14, r = 8, p = 1: 16 MB and some 50 ms a guess).
"""

import base64
import hashlib
import hmac
import json
import secrets
from pathlib import Path

from filelock import FileLock

from blemish.config import Settings
from blemish.errors import ServiceError
from blemish.private_files import write_private

_N, _R, _P = 2**14, 8, 1
_SHORTEST = 10  # characters of a password


def users_path(settings: Settings) -> Path:
    """Return where the users are kept: by setting, else beside the rest of our state."""
    return settings.users_file or settings.state / "users.json"


class UserFile:
    """The users on disk.

    Args:
        path: A JSON file; it may be absent.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> tuple[str, ...]:
        """Return the names, sorted.

        Raises:
            ServiceError: The file is corrupt.
        """
        return tuple(sorted(self._read()))

    def add(self, name: str, password: str) -> None:
        """Add a user, or give one that is there another password.

        Raises:
            ServiceError: Name or password is not accepted, or the file is corrupt.
        """
        if not name.strip() or not name.isprintable() or len(name) > 100:
            raise ServiceError(f"{name!r} is no name; accepted: 1 to 100 printable characters.")
        if len(password) < _SHORTEST:
            raise ServiceError(
                f"The password has {len(password)} characters; accepted: {_SHORTEST} or more."
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock", timeout=5):
            salt = secrets.token_bytes(16)
            hashed = {"salt": _text(salt), "scrypt": _text(_hash(password, salt))}
            self._write(self._read() | {name: hashed})

    def remove(self, name: str) -> None:
        """Remove a user.

        Raises:
            ServiceError: There is none of that name, or the file is corrupt.
        """
        with FileLock(f"{self.path}.lock", timeout=5):
            users = self._read()
            if name not in users:
                known = ", ".join(sorted(users)) or "none"
                raise ServiceError(f"No user is named {name!r}; there are: {known}.")
            self._write({other: users[other] for other in users if other != name})

    def accepts(self, name: str, password: str) -> bool:
        """Say whether name and password belong together; takes as long for a name that is none."""
        user = self._read().get(name, {"salt": _text(bytes(16)), "scrypt": ""})
        found = _text(_hash(password, base64.b64decode(user["salt"])))
        return hmac.compare_digest(found.encode(), user["scrypt"].encode())

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            return {
                str(name): {"salt": str(user["salt"]), "scrypt": str(user["scrypt"])}
                for name, user in content["users"].items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ServiceError(
                f"The user file {self.path} is corrupt. Restore it, or delete it and add the users "
                "again: blemish users add NAME"
            ) from error

    def _write(self, users: dict[str, dict[str, str]]) -> None:
        write_private(self.path, json.dumps({"format": 1, "users": users}, indent=2))


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
