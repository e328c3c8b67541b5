"""What a process serves and what it knows of the registry, at one moment.

A state is never changed: the next one replaces it as a whole, so that every reader sees one state.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from blemish.registry import Version
from blemish.server.loaded_model import LoadedModel


@dataclass(frozen=True)
class ServingFault:
    """Why the version that the registry calls champion is not served."""

    version: int | None
    sha256: str | None
    reason: str
    since: float
    """Seconds since 1970."""

    @property
    def identity(self) -> tuple[int | None, str | None]:
        """Number and SHA-256 of the version, as :attr:`blemish.registry.Version.identity`."""
        return self.version, self.sha256


@dataclass(frozen=True)
class RegistrySnapshot:
    """What the registry said last."""

    aliases: Mapping[str, int] = field(default_factory=dict)
    versions: tuple[Version, ...] = ()

    def find(self, ref: str) -> Version | None:
        """Return the version that an alias or a number names; None when there is none."""
        number = self.aliases.get(ref)
        if number is None and ref.isascii() and ref.isdigit() and len(ref) < 10:
            number = int(ref)
        return next((version for version in self.versions if version.version == number), None)


@dataclass(frozen=True)
class ServingState:
    """What is served and what is known, at one moment; the next state replaces it as a whole."""

    champion: LoadedModel | None = None
    previous: LoadedModel | None = None
    """The champion before, to go back to when this one fails its requests."""
    snapshot: RegistrySnapshot = RegistrySnapshot()
    fault: ServingFault | None = None
    asked: float = field(default_factory=time.monotonic)
    """When the registry was last asked and answered, by ``time.monotonic``; at first, now."""
    listed: bool = False
    """Whether all versions are known; after a warm start only the champion is."""
    store_error: str | None = None
    withdrawn: tuple[int, str] | None = None
    """Number and SHA-256 of a champion that failed its requests; not taken again."""

    @property
    def stale_s(self) -> float:
        """Seconds since the registry last answered."""
        return time.monotonic() - self.asked
