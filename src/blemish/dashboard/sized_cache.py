"""What is kept between reruns within a number of bytes, whatever the size of one image."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar
from weakref import WeakSet

T = TypeVar("T")

_CACHES: "WeakSet[SizedCache[Any]]" = WeakSet()


class SizedCache(Generic[T]):
    """Keeps the values used last; safe to use from many threads at once.

    Args:
        megabytes: What all values may take together, in 10^6 bytes. One that is larger by itself
            is not kept.
        size: Returns the bytes of a value.
    """

    def __init__(self, megabytes: float, size: Callable[[T], int]) -> None:
        self._most = megabytes * 1e6
        self._size = size
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._asked: set[Hashable] = set()
        self._lock = threading.Lock()
        _CACHES.add(self)
        self.bytes = 0
        """Bytes of all values that are kept."""

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of a key; it is made where it is not kept.

        Args:
            key: Names the value by its content.
            make: Makes it; two threads that ask at once may both make it.
        """
        with self._lock:
            self._asked.add(key)
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = make()
        with self._lock:
            if key not in self._kept and self._size(value) <= self._most:
                self._kept[key] = value
                self.bytes += self._size(value)
                while self.bytes > self._most:
                    self.bytes -= self._size(self._kept.popitem(last=False)[1])
        return value

    def drop_idle(self) -> None:
        """Drop what nobody has asked for since this was called before."""
        with self._lock:
            for key in [key for key in self._kept if key not in self._asked]:
                self.bytes -= self._size(self._kept.pop(key))
            self._asked.clear()


def drop_idle_values() -> None:
    """Have every cache drop what nobody has asked for since this was called before."""
    for cache in list(_CACHES):
        cache.drop_idle()
