"""Memory: back to the system when the work is done (glibc alone), and what is never garbage."""

import ctypes
import gc
import sys

_M_ARENA_MAX = -8  # of mallopt
_ARENAS = 2


def limit_arenas() -> None:
    """Have all threads share two heaps: each of its own would keep what one large image took."""
    if sys.platform == "linux":
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def return_memory() -> None:
    """Give free pages back, which the allocator would keep for later."""
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def spare_what_is_loaded() -> None:
    """Leave all that is loaded by now out of later garbage collections.

    One that walks every module, MLflow's among them, stops all threads for 110 to 190 ms.
    """
    gc.collect()
    gc.freeze()
