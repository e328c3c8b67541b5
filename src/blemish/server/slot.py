"""The loaded versions; the champion is swapped without a gap.

Readers take one :class:`Served` and keep it for the whole of a request, so an answer comes from
one version, and a version that was replaced is freed when its last request is done.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from blemish.errors import ModelFileError, NotFoundError
from blemish.inference import Segmenter
from blemish.prediction import ModelIdentity
from blemish.registry import Registry, Version, load_verified
from blemish.server.problems import ProblemError

CHAMPION = "champion"
MODEL = "blemish"
_FIRST_LOOK_S = 5.0


@dataclass(frozen=True)
class Served:
    """A version that is loaded and has passed its self-check."""

    version: Version
    segmenter: Segmenter = field(repr=False)

    def identity(self, ref: str) -> ModelIdentity:
        """Say which model this is, to one who asked for ``ref``."""
        version = self.version
        return ModelIdentity(
            name=MODEL,
            version=version.version,
            alias=None if ref.isdigit() else ref,
            precision=version.precision,
            fingerprint=version.fingerprint,
            git_commit=version.git_commit,
        )


@dataclass(frozen=True)
class ServingFault:
    """Why the version that the registry calls champion is not served."""

    version: int | None
    sha256: str | None
    reason: str
    since: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Catalogue:
    """What the registry said last."""

    aliases: Mapping[str, int] = field(default_factory=dict)
    versions: tuple[Version, ...] = ()

    def find(self, ref: str) -> Version | None:
        """Return the version that an alias or a number names; None when there is none."""
        number = self.aliases.get(ref)
        if number is None and ref.isascii() and ref.isdigit() and len(ref) < 10:
            number = int(ref)
        return next((version for version in self.versions if version.version == number), None)


def load(registry: Registry, version: Version, threads: int) -> Served:
    """Load a version from verified bytes, warm it up and have it prove itself.

    Raises:
        ModelFileError: It is not what it should be.
        StoreError: Its file cannot be had.
    """
    segmenter = load_verified(registry, version, threads=threads)
    segmenter.check()
    card = segmenter.card
    for name, tag, own in (
        ("fingerprint", version.fingerprint, card.fingerprint),
        ("precision", version.precision, card.precision),
    ):
        if tag != own:
            raise ModelFileError(
                f"Version {version.version} is tagged {name} {tag[:16]!r}, its file says "
                f"{own[:16]!r}. Register it anew: blemish sync"
            )
    return Served(version, segmenter)


class Slot:
    """Holds the champion, and a few other versions that were asked for.

    Args:
        registry: Where files come from.
        others: How many versions to hold beside the champion.
        threads: Threads of one inference.
    """

    def __init__(self, registry: Registry, others: int, threads: int) -> None:
        self.registry = registry
        self.threads = threads
        self.champion: Served | None = None
        self.catalogue = Catalogue()
        self.fault: ServingFault | None = None
        self.asked = time.monotonic()
        """When the registry was last asked and answered, by ``time.monotonic``; at first, now."""
        self.listed = False
        """Whether all versions are known; after a warm start only the champion is."""
        self.store_error: str | None = None
        self.wake = threading.Event()
        """Set to have the registry asked at once."""
        self._others: OrderedDict[int, Served] = OrderedDict()
        self._capacity = others
        self._lock = threading.Lock()
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._loading: dict[int, asyncio.Future[Served]] = {}
        self._last_wake = 0.0

    @property
    def stale_s(self) -> float:
        """Seconds since the registry last answered."""
        return time.monotonic() - self.asked

    def swap(self, served: Served) -> None:
        """Make a version the champion that is served."""
        with self._lock:
            self._others.pop(served.version.version, None)
            self.champion = served
            self.fault = None

    def refuse(self, version: Version | None, reason: str) -> bool:
        """Note why a champion is not taken; say whether that is news."""
        with self._lock:
            sha256 = version.sha256 if version else None
            number = version.version if version else None
            old = self.fault
            if old and (old.version, old.sha256, old.reason) == (number, sha256, reason):
                return False
            self.fault = ServingFault(number, sha256, reason, time.time())
            return True

    async def find(self, ref: str) -> Served:
        """Return the loaded version that a reference names, loading it where needed.

        Raises:
            ProblemError: No champion is loaded.
            NotFoundError: There is no such version.
            ModelFileError: It cannot be served.
            StoreError: Its file cannot be had.
        """
        champion = self.champion
        if ref == CHAMPION:
            if champion is None:
                raise self._no_champion()
            return champion
        version = await self.describe(ref)
        if champion is not None and champion.version.version == version.version:
            return champion
        with self._lock:
            held = self._others.get(version.version)
            if held is not None:
                self._others.move_to_end(version.version)
                return held
        return await self._load(version)

    async def describe(self, ref: str) -> Version:
        """Return what the registry says of a version.

        Raises:
            NotFoundError: There is no such version.
            ProblemError: The registry has not answered since the start.
        """
        version = self.catalogue.find(ref)
        if version is None:
            await self._look_again()
            version = self.catalogue.find(ref)
        if version is None and not self.listed:
            raise ProblemError(
                "no-model", "The registry has not been read yet; come again.", {"Retry-After": "2"}
            )
        if version is None:
            names = ", ".join(sorted(self.catalogue.aliases)) or "none"
            raise NotFoundError(
                f"{ref[:80]!r} names no version of {MODEL!r}; the aliases are: {names}. "
                "All versions: GET /v1/models"
            )
        return version

    def loaded(self) -> tuple[Served, ...]:
        """Return all versions in memory."""
        with self._lock:
            return (*((self.champion,) if self.champion else ()), *self._others.values())

    def close(self) -> None:
        """Start no more loading."""
        self._loader.shutdown(wait=False, cancel_futures=True)

    async def _load(self, version: Version) -> Served:
        """Load a version once, however many wait for it."""
        number = version.version
        pending = self._loading.get(number)
        if pending is None:
            loop = asyncio.get_running_loop()
            pending = loop.run_in_executor(self._loader, load, self.registry, version, self.threads)
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
        answered = self.asked > self._last_wake
        if self.store_error or (answered and self.listed and now - self._last_wake < 1.0):
            return
        if answered:
            self._last_wake = now
            self.wake.set()
        patience = 1.0 if self.listed else _FIRST_LOOK_S
        for _ in range(round(patience / 0.02)):  # in steps: the answer comes from another thread
            if self.asked > self._last_wake or self.store_error:
                return
            await asyncio.sleep(0.02)

    def _no_champion(self) -> ProblemError:
        why = self.fault.reason if self.fault else self.store_error or "it is being loaded"
        return ProblemError("no-model", f"No verified champion yet: {why}", {"Retry-After": "2"})
