"""Reading the registry: every call waits at most two seconds, every file is verified."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from blemish.config import Workspace, settings
from blemish.errors import (
    ModelFileError,
    NotFoundError,
    StoreError,
    StoreUnreachableError,
)
from blemish.files import sha256_bytes
from blemish.image_digests import ImageDigest, read_digests
from blemish.metrics import ImageRow
from blemish.registry.history import observe, read_history
from blemish.registry.model_files import fetch_model
from blemish.registry.moves import Move
from blemish.registry.recorded_headline import RecordedHeadline
from blemish.registry.refusals import DIGEST, no_such_version, require_digest, require_same
from blemish.registry.stored_images import Split, StoredImage, read_results, stored_images
from blemish.registry.verified_cache import LastKnown, ModelCache
from blemish.registry.version import Version
from blemish.registry.version_queries import all_versions, find_run, newest_version, read_aliases
from blemish.store.artifacts import fetch_file, fetch_folder
from blemish.store.bounded import bounded
from blemish.store.connection import PATIENCE_S, Store
from blemish.store.location import locate
from blemish.store.names import CHAMPION, EVALUATED, IMAGES, MODEL, WEIGHTS, WEIGHTS_DIGEST

_T = TypeVar("_T")
_DOWNLOAD_PATIENCE_S = 60.0


class Registry:
    """The registered model ``blemish`` at one store.

    Args:
        store: Where.
        cache: Verified files on this host.
        known: What references last meant.
    """

    def __init__(
        self, store: Store, cache: ModelCache | None = None, known: LastKnown | None = None
    ) -> None:
        self.store = store
        self.cache = cache or ModelCache()
        self.known = known or LastKnown(store.location.uri)
        self._opened = False

    @classmethod
    def connect(cls, uri: str | None = None, *, workspace: Workspace | None = None) -> Self:
        """Return the registry at ``uri``, at ``MLFLOW_TRACKING_URI``, or embedded in the checkout.

        Nothing is asked of the store yet, so this works while it is down.

        Raises:
            WorkspaceError: No URI is given and there is no checkout here.
        """
        return cls(Store(locate(workspace, uri)))

    @property
    def location(self) -> str:
        """Where the store is, fit for a person to read."""
        return str(self.store.location)

    def versions(self) -> tuple[Version, ...]:
        """Return all versions, newest first.

        Raises:
            StoreUnreachableError: The store does not answer.
        """
        if self.store.is_empty():
            return ()
        return self._ask(partial(all_versions, self.store))

    def aliases(self) -> dict[str, int]:
        """Return alias to number of the version it names.

        Raises:
            StoreUnreachableError: The store does not answer.
        """
        if self.store.is_empty():
            return {}
        try:
            return self._ask(partial(read_aliases, self.store))
        except NotFoundError:
            return {}

    def resolve(self, ref: str | int) -> Version:
        """Return the version that a reference names, and remember it for when the store is down.

        Args:
            ref: An alias (``champion``, ``candidate``, ...) or a number.

        Raises:
            NotFoundError: There is no such version.
            StoreUnreachableError: The store does not answer.
        """
        text = str(ref).strip()
        if self.store.is_empty():
            raise no_such_version(self.location, text, {}, 0)
        try:
            version = self._ask(partial(self._resolve, text))
        except NotFoundError:
            with suppress(OSError):
                self.known.forget(text)
            raise
        with suppress(OSError):  # a full disk must not stop serving
            self.known.remember(text, version)
        return version

    def last_known(self, ref: str | int) -> Version | None:
        """Return what a reference meant when the store last answered, without asking it."""
        return self.known.recall(str(ref).strip())

    def model_bytes(self, version: Version) -> bytes:
        """Return the file of a version, its SHA-256 verified; from the cache where it is there.

        Raises:
            ModelFileError: The version has no SHA-256, or is no ONNX model.
            TamperedModelError: The bytes in the store are not the registered ones.
            NotFoundError: The store has lost the file.
            StoreUnreachableError: The store does not answer.
        """
        require_digest(version)
        data = self.cache.get(version.sha256)
        if data is None:
            data = self.stored_bytes(version)
            with suppress(OSError):  # as above
                self.cache.put(data)
        return data

    def stored_bytes(self, version: Version) -> bytes:
        """Return the file of a version from the store itself, its SHA-256 verified.

        Raises:
            As :meth:`model_bytes`.
        """
        require_digest(version)
        fetch = partial(fetch_model, self.store, version.version)
        data = self._ask(fetch, _DOWNLOAD_PATIENCE_S)
        what = f"The file of version {version.version}"
        require_same(what, self.location, sha256_bytes(data), version.sha256)
        return data

    def weights(self, version: Version) -> bytes:
        """Return the weights that a version was exported from, their SHA-256 verified.

        Raises:
            ModelFileError: The version names no weights.
            TamperedModelError: The bytes in the store are not the recorded ones.
            NotFoundError: The store has lost them.
            StoreUnreachableError: The store does not answer.
        """
        wanted = version.tags.get(WEIGHTS_DIGEST, "")
        if not DIGEST.fullmatch(wanted):
            raise ModelFileError(
                f"Version {version.version} of {MODEL!r} names no weights (tag {WEIGHTS_DIGEST} is "
                f"{wanted[:80]!r}), so nothing can start from it. Register yours: blemish sync"
            )
        with self._fetched(version, f"{WEIGHTS}/weights.pt") as path:
            data = path.read_bytes()
        what = f"The weights of version {version.version}"
        require_same(what, self.location, sha256_bytes(data), wanted)
        return data

    def results(self, version: Version) -> tuple[ImageRow, ...]:
        """Return how the fp32 model of a version's run did on each test image.

        Raises:
            NotFoundError: The store does not have them.
            StoreUnreachableError: The store does not answer.
        """
        with self._fetched(version, f"{EVALUATED}/per_image.csv") as path:
            return read_results(path.parent)

    def headline(self, version: Version) -> RecordedHeadline | None:
        """Return what the headline metrics of a version's run are of; None where nobody wrote it.

        Raises:
            StoreUnreachableError: The store does not answer.
        """
        try:
            with self._fetched(version, f"{EVALUATED}/details.json") as path:
                details = path.read_text(encoding="utf-8")
            return RecordedHeadline.read(details, self.results(version))
        except (NotFoundError, ValueError):
            return None

    def image_digests(self, version: Version) -> tuple[ImageDigest, ...] | None:
        """Return the images of a version's splits by content; None where nobody recorded them.

        Raises:
            StoreUnreachableError: The store does not answer.
        """
        try:
            with self._fetched(version, IMAGES) as path:
                return read_digests(path.read_text(encoding="utf-8"))
        except (NotFoundError, ValueError):
            return None

    def test_images(self, version: Version) -> tuple[StoredImage, ...]:
        """Return the test images that a version's run keeps, fetched to this host where needed.

        Raises:
            NotFoundError: The store does not have them.
            StoreUnreachableError: The store does not answer.
        """
        return self._kept_images(version, "test")

    def validation_images(self, version: Version) -> tuple[StoredImage, ...]:
        """Return the validation images that a version's run keeps, to choose a point on.

        Raises:
            NotFoundError: The store does not have them.
            StoreUnreachableError: The store does not answer.
        """
        return self._kept_images(version, "val")

    @contextmanager
    def _fetched(self, version: Version, name: str) -> Iterator[Path]:
        """Yield an artifact of a version's run as a file that is here for a moment."""
        if not version.run_id:  # somebody registered it without one
            raise NotFoundError(f"Version {version.version} has no run, so {name} is not recorded.")
        with tempfile.TemporaryDirectory() as folder:
            fetch = partial(fetch_file, self.store, version.run_id, name, Path(folder))
            yield self._ask(fetch, _DOWNLOAD_PATIENCE_S)

    def _kept_images(self, version: Version, split: Split) -> tuple[StoredImage, ...]:
        target = settings().cache / "evidence" / version.run_id
        fetch = partial(fetch_folder, self.store, version.run_id, EVALUATED, target)
        images = tuple(stored_images(self._ask(fetch, _DOWNLOAD_PATIENCE_S), split))
        if not images:
            name = {"test": "test", "val": "validation"}[split]
            raise NotFoundError(
                f"The run of version {version.version} at {self.location} keeps no {name} images. "
                "Evaluate and record again: dvc repro -f evaluate export"
            )
        return images

    def history(self, alias: str = CHAMPION) -> tuple[Move, ...]:
        """Return the moves of an alias, oldest first, one made outside among them.

        That one is written down where this reader may write.

        Raises:
            StoreUnreachableError: The store does not answer.
        """
        if self.store.is_empty():
            return ()
        try:
            return self._ask(partial(observe, self.store, alias)).found
        except NotFoundError:
            return ()

    def faults(self) -> tuple[str, ...]:
        """Return sentences on entries that cannot be read: of versions and of the history.

        Raises:
            StoreUnreachableError: The store does not answer.
        """
        versions = self.versions()
        if not versions:
            return ()
        history = self._ask(partial(read_history, self.store, CHAMPION))
        return (*(fault for one in versions for fault in one.faults), *history.unreadable)

    def _ask(self, call: Callable[[], _T], seconds: float = PATIENCE_S) -> _T:
        """Make one call that waits at most ``seconds``."""
        self._open_once()
        try:
            return bounded(call, seconds, partial(self._expired, seconds))
        except NotFoundError:
            self.store.check()  # a stranger at that address also answers 404
            raise

    def _open_once(self) -> None:
        """Open the store before the first bounded call: importing MLflow may take longer."""
        if self._opened:
            return
        if self.store.location.is_server:
            self.store.open()
        else:
            self.store.check()
            with self.store.calling("Opening the store") as client:
                client.search_registered_models(max_results=1)
        self._opened = True

    def _expired(self, seconds: float) -> StoreError:
        return StoreUnreachableError(
            f"The MLflow store at {self.location} gave no answer within {seconds:.0f} s. "
            "See: blemish doctor"
        )

    def _resolve(self, ref: str) -> Version:
        names: dict[str, int] = {}
        try:
            names = read_aliases(self.store)
            number = int(ref) if ref.isascii() and ref.isdigit() else names[ref]
            with self.store.calling(f"Reading version {number}") as client:
                found = client.get_model_version(MODEL, str(number))
        except (KeyError, NotFoundError) as error:
            newest = newest_version(self.store)
            raise no_such_version(self.location, ref, names, newest) from error
        aliases = [alias for alias, target in names.items() if target == number]
        return Version.from_mlflow(found, find_run(self.store, found), aliases)
