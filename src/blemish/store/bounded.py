"""A call that gives up after a while: MLflow alone may wait for minutes."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")


def bounded(call: Callable[[], _T], seconds: float, expired: Callable[[], Exception]) -> _T:
    """Run ``call`` in a thread of its own and wait at most ``seconds`` for it.

    A call that goes on beyond that is left to end by itself; its thread holds up no exit.

    Args:
        call: What to run.
        seconds: How long to wait.
        expired: Builds the exception to raise when time is up.

    Raises:
        Exception: What ``call`` raised, or what ``expired`` built.
    """
    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["value"] = call()
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
            outcome["error"] = error

    thread = threading.Thread(target=work, name="store-call", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise expired()
    if "error" in outcome:
        raise outcome["error"]
    value: _T = outcome["value"]
    return value
