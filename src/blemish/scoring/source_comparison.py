"""What SOURCE names beside what a plan holds, both in order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from blemish.scoring.image_uris import Listed

_NAMED = 20  # changed or vanished images that are named in the summary


@dataclass(frozen=True, slots=True)
class Known:
    """An image of the plan."""

    uri: str
    size: int | None
    stamp: str | None
    shard: int
    gone: bool
    """It had vanished when it was last scored."""


@dataclass
class Changes:
    """Images of the plan that SOURCE no longer has as they were when they were scored."""

    changed: int = 0
    vanished: int = 0
    examples: list[str] = field(default_factory=list)
    """The first few names."""


class SourceComparison:
    """Walks the names of SOURCE and of the plan side by side.

    Args:
        names: Names of the images in SOURCE, sorted.
        known: The plan, sorted.
    """

    def __init__(self, names: Iterator[Listed], known: Iterator[Known]) -> None:
        self.changes = Changes()
        self.note: Callable[[Known], object] = lambda _: None
        """Told of each image that changed or vanished, as it is now."""
        self._walk = self._side_by_side(names, known)

    def new(self) -> Iterator[Listed]:
        """Return what the plan does not have, in order; may be left early."""
        return self._walk

    def finish(self) -> None:
        """Walk on to the end, where :meth:`new` was left early."""
        for _ in self._walk:
            pass

    def _side_by_side(self, names: Iterator[Listed], known: Iterator[Known]) -> Iterator[Listed]:
        entry, old = next(names, None), next(known, None)
        while entry is not None or old is not None:
            if old is None or (entry is not None and entry.uri < old.uri):
                if entry is not None:
                    yield entry
                entry = next(names, None)
            elif entry is None or old.uri < entry.uri:
                if not old.gone:
                    self.changes.vanished += 1
                    self._tell(Known(old.uri, old.size, old.stamp, old.shard, gone=True))
                old = next(known, None)
            else:
                if old.gone or _differs(entry, old):
                    self.changes.changed += 1
                    self._tell(Known(entry.uri, entry.size, entry.stamp, old.shard, gone=False))
                entry, old = next(names, None), next(known, None)

    def _tell(self, known: Known) -> None:
        if len(self.changes.examples) < _NAMED:
            self.changes.examples.append(known.uri)
        self.note(known)


def _differs(now: Listed, before: Known) -> bool:
    """Compare what both listings say."""
    pairs = ((now.size, before.size), (now.stamp, before.stamp))
    return any(a is not None and b is not None and a != b for a, b in pairs)
