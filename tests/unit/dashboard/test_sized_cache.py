"""What the dashboard keeps has a bound in bytes."""

import numpy as np

from blemish.dashboard.sized_cache import SizedCache


def test_the_oldest_goes_before_the_bound_is_passed() -> None:
    """Values used last are kept, however many were asked for; one beyond the bound never is."""
    made = []

    def make(number: int, size: int = 300_000) -> np.ndarray:
        made.append(number)
        return np.zeros(size, np.uint8)

    cache = SizedCache[np.ndarray](1.0, lambda value: value.nbytes)
    for number in (0, 1, 2, 0, 3):
        cache.get(number, lambda number=number: make(number))  # type: ignore[misc]
        assert cache.bytes <= 1_000_000
    assert made == [0, 1, 2, 3]
    cache.get(0, lambda: make(0))
    cache.get(1, lambda: make(1))
    assert made == [0, 1, 2, 3, 1]
    cache.get("large", lambda: make(9, 2_000_000))
    assert cache.bytes == 900_000


def test_what_nobody_asks_for_is_dropped() -> None:
    """A value that was asked for since the last look stays until the next one."""
    cache = SizedCache[np.ndarray](1.0, lambda value: value.nbytes)
    for number in (0, 1):
        cache.get(number, lambda: np.zeros(100_000, np.uint8))
    cache.drop_idle()
    assert cache.bytes == 200_000
    cache.get(1, lambda: np.zeros(0, np.uint8))
    cache.drop_idle()
    assert cache.bytes == 100_000
    cache.drop_idle()
    assert cache.bytes == 0
