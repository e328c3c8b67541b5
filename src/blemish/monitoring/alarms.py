"""The rules by which the line needs a person, and the history of when they held."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from blemish.config.monitor import Monitor
from blemish.monitoring import drift, logged_predictions, queries, rollups, schema
from blemish.monitoring.prediction_log import milliseconds, moment

RULES = ("defect rate", "error rate", "latency", "silence", "drift")
CHECK_EVERY = timedelta(seconds=15)
_SAME_INCIDENT = timedelta(minutes=10)
"""A rule that holds again so soon after it ceased to goes on with the same incident."""


@dataclass(frozen=True)
class RuleState:
    """What one rule says now.

    Attributes:
        rule: One of :data:`RULES`.
        value: What was measured; None where there is too little to say.
        bound: From which on it is an alarm.
        holds: Whether it is.
        detail: In words.
    """

    rule: str
    value: float | None
    bound: float
    holds: bool
    detail: str


@dataclass(frozen=True)
class Alarm:
    """One incident: a rule held from when until when (None: still), how far, who has seen it."""

    id: int
    rule: str
    opened: datetime
    closed: datetime | None
    value: float
    bound: float
    detail: str
    acknowledged: datetime | None = None
    acknowledged_by: str | None = None


def judge(engine: Engine, monitor: Monitor, now: datetime) -> tuple[RuleState, ...]:
    """Ask every rule.

    Args:
        engine: The database.
        monitor: The bounds.
        now: UTC.
    """
    bounds = monitor.alarms
    length = timedelta(minutes=bounds.window_minutes)
    span = queries.Span(_minute(now - length), now, timedelta(minutes=1))
    traffic = queries.traffic(engine, span)
    latency = queries.latency_quantiles(engine, span, (0.95,))
    enough = traffic.requests >= bounds.min_requests
    window = f"over {bounds.window_minutes} minutes and {traffic.requests} requests"
    return (
        _above("defect rate", traffic.defect_rate, bounds.defect_rate, window, enough=enough),
        _above("error rate", traffic.error_rate, bounds.error_rate, window, enough=enough),
        _above(
            "latency",
            latency[0.95] if latency else None,
            bounds.latency_p95_ms,
            f"for 95 of 100 requests, {window}",
            enough=enough,
        ),
        _silence(engine, bounds.silent_minutes, now),
        _drift(engine, monitor),
    )


def check(engine: Engine, monitor: Monitor, now: datetime) -> bool:
    """Open and close alarms, unless anybody did within the last 15 seconds.

    Returns:
        Whether it was due.
    """
    if not claim(engine, "alarms", now, CHECK_EVERY):
        return False
    findings = judge(engine, monitor, now)
    with engine.begin() as connection:
        for finding in findings:
            _record(connection, finding, now)
    return True


def claim(engine: Engine, name: str, now: datetime, every: timedelta) -> bool:
    """Take a duty that falls due every so often; of many processes one gets it."""
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    table = schema.watch
    first = dialect.insert(table).values(name=name, checked_ms=0).on_conflict_do_nothing()
    # A time that lies ahead was written by a clock that was wrong; nobody waits for it to come.
    is_due = or_(
        table.c.checked_ms <= milliseconds(now - every),
        table.c.checked_ms > milliseconds(now + every),
    )
    due = update(table).where(table.c.name == name, is_due).values(checked_ms=milliseconds(now))
    with engine.begin() as connection:
        connection.execute(first)
        return connection.execute(due).rowcount == 1


def history(engine: Engine, count: int = 100) -> list[Alarm]:
    """Return the newest alarms, open ones first."""
    table = schema.alarms
    statement = (
        select(table)
        .order_by(table.c.closed_ms.is_not(None), table.c.opened_ms.desc())
        .limit(count)
    )
    with engine.connect() as connection:
        rows = connection.execute(statement).mappings().all()
    return [
        Alarm(
            row["id"],
            row["rule"],
            moment(row["opened_ms"]),
            None if row["closed_ms"] is None else moment(row["closed_ms"]),
            row["value"],
            row["bound"],
            row["detail"],
            None if row["acknowledged_ms"] is None else moment(row["acknowledged_ms"]),
            row["acknowledged_by"],
        )
        for row in rows
    ]


def acknowledge(engine: Engine, alarm_id: int, who: str, now: datetime) -> None:
    """Note that a person has seen an alarm; the first one stays."""
    table = schema.alarms
    statement = (
        update(table)
        .where(table.c.id == alarm_id, table.c.acknowledged_ms.is_(None))
        .values(acknowledged_ms=milliseconds(now), acknowledged_by=who[:128])
    )
    with engine.begin() as connection:
        connection.execute(statement)


def measure(rule: str, value: float | None) -> str:
    """Return a value of a rule with its unit; a dash where there is none."""
    if value is None:
        return "-"
    if rule in ("defect rate", "error rate"):
        return f"{value:.1%}"
    unit = {"latency": " ms", "silence": " min"}.get(rule, "")
    return f"{value:.3g}{unit}"


def _above(rule: str, value: float | None, bound: float, window: str, *, enough: bool) -> RuleState:
    holds = enough and value is not None and value > bound
    shown = "nothing to judge" if value is None else measure(rule, value)
    return RuleState(rule, value if enough else None, bound, holds, f"{shown} {window}")


def _silence(engine: Engine, minutes: float, now: datetime) -> RuleState:
    last = logged_predictions.last_time(engine, now)
    if last is None:
        return RuleState("silence", None, minutes, False, "no request yet")
    quiet = max(0.0, (now - last).total_seconds() / 60)
    return RuleState("silence", quiet, minutes, quiet > minutes, f"{quiet:.0f} minutes without one")


def _drift(engine: Engine, monitor: Monitor) -> RuleState:
    bound = monitor.drift.min_psi
    served = logged_predictions.served(engine)
    if served is None:
        return RuleState("drift", None, bound, False, "no server has told its model yet")
    window = logged_predictions.window(engine, served.version, monitor.drift.window)
    if len(window) < monitor.drift.window:
        detail = f"{len(window)} of {monitor.drift.window} images of version {served.version}"
        return RuleState("drift", None, bound, False, detail)
    shifts = drift.compare(
        drift.read_references(served.statistics),
        window.statistics,
        false_alarm_rate=monitor.drift.false_alarm_rate,
        min_psi=monitor.drift.min_psi,
    )
    if not shifts:
        return RuleState("drift", None, bound, False, "the model file holds no training statistics")
    worst = shifts[0]
    moved = ", ".join(drift.title(shift.name) for shift in shifts if shift.moved) or "nothing moved"
    return RuleState("drift", worst.index, worst.bound, worst.moved, moved)


def _record(connection: Connection, finding: RuleState, now: datetime) -> None:
    """Open an alarm that began to hold, keep the words of an open one true, close one that ceased.

    A rule that holds again within minutes opens the incident of before again: one row of history.
    """
    table = schema.alarms
    newest = select(table.c.id, table.c.closed_ms).where(table.c.rule == finding.rule)
    last = connection.execute(newest.order_by(table.c.id.desc()).limit(1)).first()
    said = {"value": finding.value, "bound": finding.bound, "detail": finding.detail}
    if finding.holds and last is not None and _goes_on(last.closed_ms, now):
        known = table.c.id == last.id
        connection.execute(update(table).where(known).values(**said, closed_ms=None))
    elif finding.holds:
        row = said | {"rule": finding.rule, "opened_ms": milliseconds(now)}
        opened = connection.execute(insert(table).values(row).returning(table.c.id)).scalar_one()
        _note(connection, opened, "opened", now)
    elif last is not None and last.closed_ms is None:
        ended = update(table).where(table.c.id == last.id).values(closed_ms=milliseconds(now))
        connection.execute(ended)
        _note(connection, last.id, "closed", now)


def _goes_on(closed_ms: int | None, now: datetime) -> bool:
    return closed_ms is None or closed_ms >= milliseconds(now - _SAME_INCIDENT)


def _note(connection: Connection, alarm_id: int, event: str, now: datetime) -> None:
    row = {"alarm_id": alarm_id, "event": event, "due_ms": milliseconds(now), "tries": 0}
    connection.execute(insert(schema.notices).values(row))


def _minute(time: datetime) -> datetime:
    width = rollups.MINUTE * 1_000
    return moment(milliseconds(time) // width * width)
