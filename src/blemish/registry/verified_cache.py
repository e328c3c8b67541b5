"""Model files by SHA-256 on this host, and what each alias last meant.

With both, a server starts while the store is down. Nothing is trusted for lying here: a file is
hashed every time it is read.
"""

import json
from importlib.metadata import version
from pathlib import Path

from blemish.config import settings
from blemish.files import sha256_bytes, write_bytes, write_json, write_text
from blemish.registry.version import Version

_DIGITS = frozenset("0123456789abcdef")


class ModelCache:
    """Verified model files, ``<sha256>.onnx`` each.

    Args:
        folder: Where; ``models`` in the cache of the settings by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or settings().cache / "models"

    def get(self, sha256: str) -> bytes | None:
        """Return the file of this digest; None when it is absent or its bytes have changed.

        A changed file is removed, so that it is fetched anew.
        """
        path = self._path(sha256)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if sha256_bytes(data) == sha256:
            return data
        path.unlink(missing_ok=True)
        return None

    def put(self, data: bytes) -> Path:
        """Keep a file under the digest of its bytes.

        Returns:
            Its path.

        Raises:
            OSError: The disk is full or the folder cannot be written.
        """
        path = self._path(sha256_bytes(data))
        write_bytes(path, data)
        return path

    def is_tried(self, sha256: str) -> bool:
        """Whether a file has passed its trial under the onnxruntime that is installed."""
        try:
            return self._trial(sha256).read_text(encoding="utf-8") == version("onnxruntime")
        except OSError:
            return False

    def note_tried(self, sha256: str) -> None:
        """Note that a file has passed its trial.

        Raises:
            OSError: The disk is full or the folder cannot be written.
        """
        write_text(self._trial(sha256), version("onnxruntime"))

    def damaged(self) -> list[Path]:
        """Return the files whose bytes do not match their name."""
        return [
            path
            for path in sorted(self.folder.glob("*.onnx"))
            if sha256_bytes(path.read_bytes()) != path.stem
        ]

    def _trial(self, sha256: str) -> Path:
        return self._path(sha256).with_suffix(".tried")

    def _path(self, sha256: str) -> Path:
        if len(sha256) != 64 or not _DIGITS.issuperset(sha256):
            raise ValueError(f"{sha256!r} is no SHA-256.")
        return self.folder / f"{sha256}.onnx"


class LastKnown:
    """What each reference last resolved to at one store.

    Args:
        uri: The store.
        folder: Where; ``known`` in the cache of the settings by default.
    """

    def __init__(self, uri: str, folder: Path | None = None) -> None:
        base = folder or settings().cache / "known"
        self._path = base / f"{sha256_bytes(uri.encode())[:16]}.json"

    def remember(self, ref: str, found: Version) -> None:
        """Note what a reference resolved to.

        Raises:
            OSError: The disk is full or the folder cannot be written.
        """
        known = self._read()
        document = found.to_document()
        if known.get(ref) != document:
            write_json(self._path, known | {ref: document})

    def recall(self, ref: str) -> Version | None:
        """Return what a reference last resolved to; None when that was never noted."""
        try:
            return Version.from_document(self._read()[ref])  # type: ignore[arg-type]  # checked below
        except (KeyError, TypeError, ValueError):
            return None

    def forget(self, ref: str) -> None:
        """Drop a reference that the store no longer has."""
        known = self._read()
        if known.pop(ref, None) is not None:
            write_json(self._path, known)

    def _read(self) -> dict[str, object]:
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
