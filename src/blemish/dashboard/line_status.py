"""The truth about the line, on every page: champion, served version, alarms, last request.

A thread reads the API, the registry and the log every second and keeps what it found; a page reads
that and never waits for any of them.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Literal

import streamlit as st
import structlog

from blemish.config import settings
from blemish.dashboard.sized_cache import drop_idle_values
from blemish.errors import BlemishError
from blemish.memory import return_memory
from blemish.monitoring import logged_predictions
from blemish.monitoring.alarms import history
from blemish.monitoring.database import log_url, open_database
from blemish.readiness_client import ask_readiness
from blemish.registry import Move, Registry
from blemish.store.names import CHAMPION

_EVERY_S = 1.0
_TIMEOUT_S = 1.0
# Every 2 s, on a busy machine, kept the browser from drawing new widgets for 25 s: each update goes
# before what React has put off.
_SHOWN_EVERY_S = 5.0
_SLOW = 4  # registry and log are read every so many times
_TIDIED = 20  # the allocator gives free memory back every so many times

Level = Literal["good", "alarm", "bad", "unknown"]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class LineStatus:
    """What was found when the thread last looked.

    Attributes:
        url: Base URL of the API.
        answer: The body of ``/readyz``; None where nothing answered.
        ever_answered: Whether anything did since the dashboard began.
        champion: Version that the registry calls champion; None for none or not known.
        moves: Moves of the champion, oldest first; the last known ones while the registry is away.
        registry_error: Why the registry did not answer; empty where it did.
        alarms: Open alarms that nobody has acknowledged; None where the log was not read.
        last_request: Time of the newest logged prediction; None for none or not known.
    """

    url: str
    answer: Mapping[str, Any] | None = None
    ever_answered: bool = False
    champion: int | None = None
    registry_error: str = ""
    moves: tuple[Move, ...] = ()
    alarms: int | None = None
    last_request: datetime | None = None

    @property
    def served(self) -> int | None:
        """The version that the server answers with."""
        model = (self.answer or {}).get("model")
        return model.get("version") if isinstance(model, Mapping) else None

    @property
    def background_faults(self) -> int:
        """Faults that the server's threads did not expect since its start; each went on."""
        threads = (self.answer or {}).get("background")
        counts = threads.values() if isinstance(threads, Mapping) else ()
        return sum(int(one.get("failures", 0)) for one in counts if isinstance(one, Mapping))

    def troubles(self) -> list[str]:
        """Return what is wrong, a sentence each; empty where the line is all right."""
        found = []
        if self.answer is None and self.ever_answered:
            found.append(f"No answer from {self.url}.")
        if self.answer is not None:
            found += self._server_troubles(self.answer)
        if self.registry_error:
            found.append("The model registry does not answer.")
        return found

    def _server_troubles(self, answer: Mapping[str, Any]) -> list[str]:
        found = []
        fault, log, registry = (answer.get(name) or {} for name in ("fault", "log", "registry"))
        if fault:
            found.append(f"Version {fault.get('version')} was refused: {fault.get('reason')}")
        if answer.get("status") != "ready":
            found.append(f"The server says: {answer.get('status', 'nothing that we know')}.")
        elif self.champion is not None and self.served != self.champion:
            found.append(f"Version {self.served} is served, not the champion.")
        if registry.get("error"):
            found.append("The server gets no answer from the model registry.")
        if log.get("fault"):
            found.append(f"The prediction log: {log['fault']}")
        if answer.get("keys"):
            found.append(str(answer["keys"]))
        return found

    @property
    def level(self) -> Level:
        """``bad`` with any trouble, ``alarm`` with an open alarm that nobody has acknowledged.

        Else ``unknown`` where no server ever answered, and ``good``.
        """
        if self.troubles():
            return "bad"
        if self.alarms and self.answer is not None:
            return "alarm"
        return "good" if self.answer is not None else "unknown"


class LineReader:
    """Looks every second, in a thread of its own.

    Args:
        url: Base URL of the API.
    """

    def __init__(self, url: str) -> None:
        self.status = LineStatus(url)
        self._registry: Registry | None = None
        self._turn = 0
        threading.Thread(target=self._run, name="line-status", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self.look()
            except Exception:  # noqa: BLE001 - the edge of this thread, which must outlive all
                _log.exception("line_status_failed")
            pause.wait(_EVERY_S)

    def look(self) -> None:
        """Read everything that is due."""
        answer = ask_readiness(self.status.url, _TIMEOUT_S)
        ever = self.status.ever_answered or answer is not None
        self.status = replace(self.status, answer=answer, ever_answered=ever)
        if self._turn % _SLOW == 0:
            self._read_registry()
            self._read_log()
        if self._turn % _TIDIED == 0:
            drop_idle_values()
            return_memory()
        self._turn += 1

    def _read_registry(self) -> None:
        try:
            self._registry = self._registry or Registry.connect()
            champion = self._registry.aliases().get(CHAMPION)
            moves = self._registry.history()
        except BlemishError as error:
            self.status = replace(self.status, registry_error=str(error))
        else:
            self.status = replace(self.status, champion=champion, moves=moves, registry_error="")

    def _read_log(self) -> None:
        try:
            engine = open_database(log_url(settings()))
            try:
                open_ones = [
                    one
                    for one in history(engine, 20)
                    if one.closed is None and one.acknowledged is None
                ]
                last = logged_predictions.last_time(engine, datetime.now(UTC))
            finally:
                engine.dispose()
        except Exception:  # noqa: BLE001 - the Monitor page says what is wrong with the log
            self.status = replace(self.status, alarms=None, last_request=None)
        else:
            self.status = replace(self.status, alarms=len(open_ones), last_request=last)


@st.cache_resource(show_spinner=False)
def _reader(url: str) -> LineReader:
    return LineReader(url)


def line_status() -> LineStatus:
    """Return what the thread found when it last looked; waits for nothing."""
    return _reader(settings().api_url).status


@st.fragment(run_every=_SHOWN_EVERY_S)
def show_strip() -> None:
    """Show the strip; it reads what the thread found and waits for nothing."""
    st.html(strip(line_status(), datetime.now(UTC)))


def strip(status: LineStatus, now: datetime) -> str:
    """Return the strip as HTML.

    Args:
        status: What was found.
        now: UTC.
    """
    words: list[str] = []
    if status.level == "unknown":
        words.append(f"No server at {status.url}")
    words.append(f"Champion: {version_name(status.champion)}")
    if status.answer is not None:
        words.append(f"Served: {version_name(status.served)}")
    if status.background_faults:
        words.append(f"Faults in the server's background: {status.background_faults}, see its log")
    words.append(_alarms(status.alarms))
    is_read = status.alarms is not None
    words.append(_last(status.last_request, now) if is_read else "Last request: not known")
    said = "".join(f"<span>{escape(word)}</span>" for word in words)
    wrong = "".join(f"<strong>{escape(text)}</strong>" for text in status.troubles())
    return f"<div class='blemish-line {status.level}' role='status'>{wrong}{said}</div>{_STYLE}"


def version_name(number: int | None) -> str:
    """Return a version in words; "none" where there is none."""
    return "none" if number is None else f"version {number}"


def _alarms(number: int | None) -> str:
    if number is None:
        return "Alarms: not known"
    return {0: "No alarm", 1: "1 alarm"}.get(number, f"{number} alarms")


def _last(time: datetime | None, now: datetime) -> str:
    if time is None:
        return "No request yet"
    return f"Last request {age(max(timedelta(), now - time))} ago"


def age(length: timedelta) -> str:
    """Return a length of time in words: seconds, minutes, hours or days."""
    seconds = int(length.total_seconds())
    for below, unit, name in ((60, 1, "s"), (3_600, 60, "min"), (172_800, 3_600, "h")):
        if seconds < below:
            return f"{seconds // unit} {name}"
    return f"{seconds // 86_400} days"


_STYLE = """<style>
.blemish-line {display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; padding: .35rem .8rem;
  border-radius: .5rem; border-left: .35rem solid #8a94a3; font-size: .88rem;
  background: color-mix(in srgb, currentColor 6%, transparent);}
.blemish-line.good {border-left-color: #00805c;}
.blemish-line.alarm {border-left-color: #b26a00;
  background: color-mix(in srgb, #b26a00 14%, transparent);}
.blemish-line.bad {border-left-color: #d01c2a;
  background: color-mix(in srgb, #d01c2a 14%, transparent);}
.blemish-line strong {flex-basis: 100%;}
</style>"""
