"""When the line went from one version to another: moves of the champion, and what was served."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from blemish.dashboard.line_status import version_name
from blemish.monitoring import logged_predictions, queries
from blemish.registry import Move

_FOLLOWS = timedelta(minutes=1)  # a server takes a new champion into use within this time


@dataclass(frozen=True)
class VersionChange:
    """One change, as the charts mark it."""

    time: datetime
    text: str


def version_changes(
    engine: Engine, span: queries.Span, moves: Sequence[Move]
) -> tuple[VersionChange, ...]:
    """Return the changes within a range, oldest first.

    A server that follows the champion makes no mark of its own: only one that went elsewhere.

    Args:
        engine: The prediction log.
        span: The range.
        moves: Moves of the champion, as the registry knows them.
    """
    moved = [(datetime.fromisoformat(one.at), one) for one in moves]
    found = [
        VersionChange(time, f"champion: {version_name(move.after)} ({move.why}, by {move.who})")
        for time, move in moved
        if span.start <= time <= span.end
    ]
    for change in logged_predictions.served_since(engine, span.start):
        follows = any(
            one.after == change.after and timedelta() <= change.time - time <= _FOLLOWS
            for time, one in moved
        )
        if not follows and change.time <= span.end:
            found.append(VersionChange(change.time, f"served: version {change.after}"))
    return tuple(sorted(found, key=lambda one: one.time))
