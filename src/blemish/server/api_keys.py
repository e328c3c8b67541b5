"""API keys: several, kept as digests, each revocable while the server runs.

A key is 256 random bits, so a plain SHA-256 of it cannot be guessed back. The file is read again
when it has changed.
"""

import hmac
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from blemish.config import Settings
from blemish.errors import ServiceError
from blemish.files import sha256_bytes
from blemish.private_files import write_private

_PREFIX = "blm_"


class ApiKey(BaseModel):
    """What is kept of a key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    sha256: str
    created: datetime
    revoked: datetime | None = None
    requests_per_minute: int | None = Field(default=None, ge=0)
    """None takes the server's own limit; 0 is no limit."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    keys: tuple[ApiKey, ...] = ()


def keys_path(settings: Settings) -> Path:
    """Return where the digests are kept: by setting, else beside the rest of our state."""
    return settings.keys_file or settings.state / "keys.json"


class KeyFile:
    """The keys on disk.

    Args:
        path: A JSON file; it may be absent.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[ApiKey, ...]:
        """Return all keys, those revoked too.

        Raises:
            ServiceError: The file is corrupt, or cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise ServiceError(
                f"The key file {self.path} cannot be read: {error.strerror}. Give it to the user "
                "who runs the server."
            ) from error
        try:
            return _File.model_validate_json(data).keys
        except ValidationError as error:
            raise ServiceError(
                f"The key file {self.path} is corrupt. Restore it, or delete it and make new keys: "
                "blemish keys add NAME"
            ) from error

    def add(self, name: str, requests_per_minute: int | None = None) -> str:
        """Make a key and keep its digest.

        Returns:
            The key itself, which is nowhere else.

        Raises:
            ServiceError: A key of that name is in use, or the file is corrupt.
        """
        token = _PREFIX + secrets.token_urlsafe(32)
        with self._alone():
            keys = self.read()
            if any(key.name == name and key.revoked is None for key in keys):
                raise ServiceError(
                    f"A key named {name!r} is in use. Revoke it first: blemish keys revoke {name}"
                )
            made = ApiKey(
                id=secrets.token_hex(4),
                name=name,
                sha256=sha256_bytes(token.encode()),
                created=datetime.now(UTC).replace(microsecond=0),
                requests_per_minute=requests_per_minute,
            )
            self._write((*keys, made))
        return token

    def revoke(self, name: str) -> ApiKey:
        """Revoke the key of a name or an id, from the next request on.

        Raises:
            ServiceError: None in use has it, or the file is corrupt.
        """
        with self._alone():
            keys = self.read()
            in_use = [key for key in keys if key.revoked is None]
            found = next((key for key in in_use if name in (key.name, key.id)), None)
            if found is None:
                names = ", ".join(key.name for key in in_use) or "none"
                raise ServiceError(f"No key in use is named {name!r}; in use: {names}.")
            now = datetime.now(UTC).replace(microsecond=0)
            gone = found.model_copy(update={"revoked": now})
            self._write(tuple(gone if key is found else key for key in keys))
        return gone

    def _alone(self) -> FileLock:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(f"{self.path}.lock", timeout=5)

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        document = _File(keys=keys).model_dump(mode="json")
        write_private(self.path, json.dumps(document, indent=2) + "\n")


class KeyRing:
    """The keys as a server sees them, always those on disk.

    Where the file has had keys once, calls need one for as long as the server runs: a file that
    vanishes locks it rather than opens it.

    Args:
        file: File that keeps the digests.
        required: Calls need a key even where there was none yet.
    """

    def __init__(self, file: KeyFile, *, required: bool = False) -> None:
        self._file = file
        self._stamp: tuple[int, int, int] | None = None
        self._keys: tuple[ApiKey, ...] = ()
        self._required = required
        self.fault: str | None = None
        """Why no key is accepted, or those of before are, where the file cannot be read."""

    @property
    def required(self) -> bool:
        """Whether a call needs a key."""
        self._required = bool(self.keys) or self._required
        return self._required

    @property
    def keys(self) -> tuple[ApiKey, ...]:
        """All keys, those revoked too; what was known last while the file is corrupt."""
        stamp = self._read_stamp()
        if stamp == self._stamp:
            return self._keys
        try:
            self._keys = self._file.read()
        except ServiceError as error:
            self.fault = str(error)
            return self._keys
        self._stamp = stamp
        self.fault = None
        if stamp is None and self._required:
            self.fault = (
                f"The key file {self._file.path} has vanished, so no key is accepted. Restore it, "
                "or make new keys: blemish keys add NAME"
            )
        return self._keys

    def find(self, token: str) -> ApiKey | None:
        """Return the key in use that a token is, in a time that tells nothing about the others."""
        digest = sha256_bytes(token.encode(errors="surrogateescape")).encode()
        found = None
        for key in self.keys:
            if hmac.compare_digest(key.sha256.encode(), digest) and key.revoked is None:
                found = key
        return found

    def _read_stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self._file.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
