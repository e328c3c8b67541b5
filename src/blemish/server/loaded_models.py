"""The loaded versions; the champion is swapped without a gap.

A request takes one :class:`LoadedModel` and keeps it until its end, so an answer comes from one
version, and a version that was replaced is freed when its last request is done.
"""

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import structlog

from blemish.errors import InferenceInterruptedError, ModelOutputError, NotFoundError
from blemish.interruption import Interruption
from blemish.problem_kinds import ProblemKind
from blemish.registry import Registry, Version
from blemish.server.loaded_model import LoadedModel, load_model
from blemish.server.problems import ProblemError
from blemish.server.serving_state import ServingFault, ServingState
from blemish.store.names import CHAMPION, MODEL

_FIRST_LOOK_S = 5.0
_FAULTS_WITHIN_S = 600.0

_log = structlog.get_logger(__name__)


class LoadedModels:
    """Holds the champion, and a few other versions that were asked for.

    Args:
        registry: Where files come from.
        others: How many versions to hold beside the champion.
        threads: Threads of one inference.
        faults: Faults of a champion within ten minutes after which the version before answers.
        on_fault: Called at each fault.
    """

    def __init__(
        self,
        registry: Registry,
        others: int,
        threads: int,
        *,
        faults: int = 3,
        on_fault: Callable[[], None] = lambda: None,
    ) -> None:
        self.registry = registry
        self.threads = threads
        self.state = ServingState()
        """Read it once and use that: another thread replaces it."""
        self._faults = faults
        self._on_fault = on_fault
        self._failed: deque[float] = deque(maxlen=faults)
        self.wake = threading.Event()
        """Set to have the registry asked at once."""
        self._others: OrderedDict[int, LoadedModel] = OrderedDict()
        self._capacity = others
        self._lock = threading.Lock()
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._loading: dict[int, asyncio.Future[LoadedModel]] = {}
        self._last_wake = 0.0

    def update(self, **changes: Any) -> None:
        """Replace the state by one with these changes."""
        with self._lock:
            self.state = replace(self.state, **changes)

    def swap(self, served: LoadedModel) -> None:
        """Make a version the champion that is served."""
        with self._lock:
            self._others.pop(served.version.version, None)
            self._failed.clear()
            self.state = replace(
                self.state,
                champion=served,
                previous=self.state.champion,
                fault=None,
                withdrawn=None,
            )

    @contextmanager
    def counting_faults(self, served: LoadedModel, interruption: Interruption) -> Iterator[None]:
        """Cover the work of one request, and count what is the fault of its version.

        Raises:
            ProblemError: A run of the graph took too long.
        """
        try:
            yield
        except ModelOutputError as error:
            self.note_fault(served, str(error))
            raise
        except InferenceInterruptedError as error:
            if not interruption.overrun:
                raise
            reason = "The model did not answer an image in time."
            self.note_fault(served, reason)
            raise ProblemError(ProblemKind.MODEL_SLOW, reason) from error

    def note_fault(self, served: LoadedModel, reason: str) -> None:
        """Count a fault of a version; after so many the champion before answers again.

        The alias is not moved. A version without one before it goes on answering.
        """
        self._on_fault()
        _log.error("model_fault", version=served.version.version, reason=reason)
        now = time.monotonic()
        with self._lock:
            state = self.state
            if state.champion is not served:
                return
            self._failed.append(now)
            recent = [moment for moment in self._failed if now - moment < _FAULTS_WITHIN_S]
            if len(recent) < self._faults:
                return
            version = served.version
            then = (
                f"version {state.previous.version.version} answers until the champion changes"
                if state.previous
                else "there is no version before it, so it goes on answering"
            )
            fault = ServingFault(
                version.version,
                version.sha256,
                f"Version {version.version} failed {len(recent)} requests within "
                f"{_FAULTS_WITHIN_S / 60:g} minutes, the last because: {reason} Now {then}. "
                "Look at it, then: blemish rollback",
                time.time(),
            )
            self.state = replace(
                state,
                champion=state.previous or served,
                previous=None,
                fault=fault,
                withdrawn=version.identity if state.previous else None,
            )
            self._failed.clear()

    def refuse(self, version: Version | None, reason: str) -> bool:
        """Note why a champion is not taken; say whether that is news."""
        with self._lock:
            number, sha256 = version.identity if version else (None, None)
            old = self.state.fault
            if old and (*old.identity, old.reason) == (number, sha256, reason):
                return False
            fault = ServingFault(number, sha256, reason, time.time())
            self.state = replace(self.state, fault=fault)
            return True

    async def find(self, ref: str) -> LoadedModel:
        """Return the loaded version that a reference names, loading it where needed.

        Raises:
            ProblemError: No champion is loaded.
            NotFoundError: There is no such version.
            ModelFileError: It cannot be served.
            StoreError: Its file cannot be had.
        """
        champion = self.state.champion
        if ref == CHAMPION:
            if champion is None:
                raise self._no_champion()
            return champion
        version = await self.version_of(ref)
        if champion is not None and champion.version.version == version.version:
            return champion
        with self._lock:
            held = self._others.get(version.version)
            if held is not None:
                self._others.move_to_end(version.version)
                return held
        return await self._load(version)

    async def version_of(self, ref: str) -> Version:
        """Return what the registry says of a version.

        Raises:
            NotFoundError: There is no such version.
            ProblemError: The registry has not answered since the start.
        """
        version = self.state.snapshot.find(ref)
        if version is None:
            await self._look_again()
            version = self.state.snapshot.find(ref)
        if version is None and not self.state.listed:
            raise ProblemError(
                ProblemKind.NO_MODEL,
                "The registry has not been read yet; come again.",
                {"Retry-After": "2"},
            )
        if version is None:
            names = ", ".join(sorted(self.state.snapshot.aliases)) or "none"
            raise NotFoundError(
                f"{ref[:80]!r} names no version of {MODEL!r}; the aliases are: {names}. "
                "All versions: GET /v1/models"
            )
        return version

    def loaded(self) -> tuple[LoadedModel, ...]:
        """Return all versions in memory."""
        with self._lock:
            champion = self.state.champion
            return (*((champion,) if champion else ()), *self._others.values())

    def close(self) -> None:
        """Start no more loading."""
        self._loader.shutdown(wait=False, cancel_futures=True)

    async def _load(self, version: Version) -> LoadedModel:
        """Load a version once, however many wait for it."""
        number = version.version
        pending = self._loading.get(number)
        if pending is None:
            loop = asyncio.get_running_loop()
            pending = loop.run_in_executor(
                self._loader, load_model, self.registry, version, self.threads
            )
            self._loading[number] = pending
            pending.add_done_callback(lambda _: self._loading.pop(number, None))
        served = await asyncio.shield(pending)
        with self._lock:
            self._others[number] = served
            self._others.move_to_end(number)
            while len(self._others) > self._capacity:
                self._others.popitem(last=False)
        return served

    async def _look_again(self) -> None:
        """Have the registry asked for what is not known yet, at most once a second for all."""
        now = time.monotonic()
        state = self.state
        answered = state.asked > self._last_wake
        if state.store_error or (answered and state.listed and now - self._last_wake < 1.0):
            return
        if answered:
            self._last_wake = now
            self.wake.set()
        patience = 1.0 if state.listed else _FIRST_LOOK_S
        for _ in range(round(patience / 0.02)):  # in steps: the answer comes from another thread
            if self.state.asked > self._last_wake or self.state.store_error:
                return
            await asyncio.sleep(0.02)

    def _no_champion(self) -> ProblemError:
        state = self.state
        why = state.fault.reason if state.fault else state.store_error or "it is being loaded"
        return ProblemError(
            ProblemKind.NO_MODEL, f"No verified champion yet: {why}", {"Retry-After": "2"}
        )
