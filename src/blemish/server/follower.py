"""The thread that follows the registry, so that no request ever waits for it."""

import sys
import threading
import time
from collections.abc import Callable

import structlog

from blemish.errors import BlemishError, NotFoundError
from blemish.registry import Version
from blemish.server.loaded_model import LoadedModel, load_model
from blemish.server.loaded_models import LoadedModels
from blemish.server.serving_state import RegistrySnapshot
from blemish.store.names import CHAMPION

_SERVED = "served"
"""The name under which the last champion that proved itself is remembered."""
_RELIST_S = 10.0
_RETRY_S = 20.0
"""Between two attempts at the same broken version."""

_log = structlog.get_logger(__name__)


class Follower(threading.Thread):
    """Asks the registry again and again, and swaps the champion when it has moved.

    Args:
        models: What is served.
        poll_s: Seconds between two looks.
        on_swap: Called with each version that is taken into use.
        on_refuse: Called when a version is not taken into use.
    """

    def __init__(
        self,
        models: LoadedModels,
        poll_s: float,
        *,
        on_swap: Callable[[LoadedModel], None],
        on_refuse: Callable[[], None],
    ) -> None:
        super().__init__(name="follower", daemon=True)
        self._models = models
        self._poll_s = poll_s
        self._on_swap = on_swap
        self._on_refuse = on_refuse
        self._stopping = threading.Event()
        self.failures = 0
        """Faults that this thread did not expect."""
        self._listed = float("-inf")
        self._refused = float("-inf")

    def warm_start(self) -> None:
        """Serve what was served last, from the verified cache, without asking the store."""
        registry = self._models.registry
        for name in (_SERVED, CHAMPION):
            version = registry.last_known(name)
            if version is None or registry.cache.get(version.sha256) is None:
                continue
            try:
                self._take(load_model(registry, version, self._models.threads))
            except BlemishError as error:
                self._refuse(version, str(error))
                continue
            self._models.update(snapshot=RegistrySnapshot({CHAMPION: version.version}, (version,)))
            return

    def run(self) -> None:
        """Look until told to stop."""
        woken = True
        while not self._stopping.is_set():
            try:
                self.look(relist=woken)
            except Exception as error:  # noqa: BLE001 - the edge of this thread, which must outlive all
                self.failures += 1
                _log.exception("follower_failed")
                self._models.update(store_error=f"The registry could not be asked: {error}")
                if isinstance(error, ImportError | AttributeError):
                    forget_half_import("mlflow")
            woken = self._models.wake.wait(self._poll_s)
            self._models.wake.clear()

    def stop(self) -> None:
        """End after the look in progress."""
        self._stopping.set()
        self._models.wake.set()

    def look(self, *, relist: bool = False) -> None:
        """Ask the registry once, and follow.

        Args:
            relist: Have all versions listed, even if no alias has moved.
        """
        models = self._models
        begin = time.monotonic()
        try:
            aliases = models.registry.aliases()
            versions = models.state.snapshot.versions
            if relist or not models.state.listed or self._must_list(aliases, versions):
                versions = models.registry.versions()
                self._listed = time.monotonic()
        except (BlemishError, OSError) as error:
            if models.state.store_error is None:
                _log.warning("store_lost", error=str(error))
            models.update(store_error=str(error))
            return
        if models.state.store_error is not None:
            _log.info("store_back")
        snapshot = RegistrySnapshot(aliases, versions)
        models.update(snapshot=snapshot, asked=begin, listed=True, store_error=None)
        self._follow()

    def _must_list(self, aliases: dict[str, int], versions: tuple[Version, ...]) -> bool:
        known = {version.version for version in versions}
        return (
            dict(self._models.state.snapshot.aliases) != aliases
            or not known.issuperset(aliases.values())
            or time.monotonic() - self._listed > _RELIST_S
        )

    def _follow(self) -> None:
        """Take the champion into use where it is another than the one that is served."""
        models = self._models
        state = models.state
        number = state.snapshot.aliases.get(CHAMPION)
        version = state.snapshot.find(CHAMPION)
        if version is None:
            reason = (
                f"The champion is version {number}, which the registry does not have."
                if number
                else "No version has the alias 'champion'. Give it to one: blemish promote REF"
            )
            self._refuse(None, reason)
            return
        if version.identity == state.withdrawn:
            return  # it failed its requests; the fault says so until the champion changes
        served, fault = state.champion, state.fault
        if served and served.version.identity == version.identity:
            if fault is not None and fault.version != version.version:
                models.update(fault=None)
            return
        is_known_fault = fault is not None and fault.identity == version.identity
        if is_known_fault and time.monotonic() - self._refused < _RETRY_S:
            return
        try:
            self._take(load_model(models.registry, version, models.threads))
        except (BlemishError, OSError) as error:
            if isinstance(error, NotFoundError):
                self._listed = float("-inf")  # deleted meanwhile, maybe
            self._refuse(version, str(error))

    def _take(self, served: LoadedModel) -> None:
        self._models.swap(served)
        version = served.version
        _log.info("model_swapped", version=version.version, sha256=version.sha256[:12])
        self._on_swap(served)
        try:
            self._models.registry.known.remember(_SERVED, version)
        except OSError as error:
            _log.warning("served_not_remembered", error=str(error))

    def _refuse(self, version: Version | None, reason: str) -> None:
        self._refused = time.monotonic()
        if self._models.refuse(version, reason):
            self._on_refuse()
            _log.error("model_refused", version=version.version if version else None, reason=reason)


def forget_half_import(package: str) -> None:
    """Have a package imported anew whose import failed halfway, for want of descriptors say.

    Python keeps the modules that came in before the fault, and they are never completed.
    """
    for name in [n for n in sys.modules if n == package or n.startswith(f"{package}.")]:
        del sys.modules[name]
