"""Tells alarms to a webhook: signed, in order, tried again until they arrive.

The body is JSON. ``X-Blemish-Signature`` is ``sha256=`` and the HMAC-SHA256, by the secret, of the
header ``X-Blemish-Time``, a full stop and the body: a receiver can refuse what is forged or old.
"""

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog
from pydantic import SecretStr
from sqlalchemy import Engine, delete, select, update

from blemish.config.secrets import hide_password_in
from blemish.monitoring import schema
from blemish.monitoring.prediction_log import milliseconds, moment

_TIMEOUT_S = 2.0
_AT_ONCE = 5  # notices each time: the log's thread tells them and has entries to write
_FIRST_WAIT = timedelta(seconds=15)
_LONGEST_WAIT = timedelta(hours=1)
_TRIES = 48  # about a day and a half

_log = structlog.get_logger(__name__)


class Webhook:
    """A receiver of alarms.

    Args:
        url: Where to post them.
        secret: Signs them; None sends them unsigned.
    """

    def __init__(self, url: str, secret: SecretStr | None) -> None:
        self._url = url
        self._secret = secret

    def tell(self, engine: Engine, now: datetime) -> int:
        """Post what is due, oldest first; what does not arrive is due again later.

        Returns:
            How many arrived.
        """
        table, alarms = schema.notices, schema.alarms
        statement = (
            select(table.c.id, table.c.event, table.c.tries, *_SAID)
            .join(alarms, alarms.c.id == table.c.alarm_id)
            .where(table.c.due_ms <= milliseconds(now))
            .order_by(table.c.id)
            .limit(_AT_ONCE)
        )
        with engine.connect() as connection:
            due = connection.execute(statement).mappings().all()
        arrived = 0
        for notice in due:
            if not self._post(_body(notice), now):
                _put_off(engine, notice["id"], notice["tries"] + 1, now)
                break  # the others would fail alike
            arrived += 1
            _forget(engine, notice["id"])
        return arrived

    def _post(self, body: bytes, now: datetime) -> bool:
        stamp = str(milliseconds(now))
        headers = {"Content-Type": "application/json", "X-Blemish-Time": stamp}
        if self._secret is not None:
            headers["X-Blemish-Signature"] = sign(self._secret, stamp, body)
        try:
            httpx.post(
                self._url, content=body, headers=headers, timeout=_TIMEOUT_S
            ).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            _log.warning("alarm_not_told", error=hide_password_in(str(error), self._url))
            return False
        return True


def sign(secret: SecretStr, stamp: str, body: bytes) -> str:
    """Return the value of ``X-Blemish-Signature``."""
    key = secret.get_secret_value().encode()
    return "sha256=" + hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


_SAID = tuple(
    schema.alarms.c[name] for name in ("rule", "opened_ms", "closed_ms", "value", "bound", "detail")
)


def _body(notice: Any) -> bytes:
    closed = notice["closed_ms"]
    return json.dumps(
        {
            "event": notice["event"],
            "rule": notice["rule"],
            "opened": moment(notice["opened_ms"]).isoformat(),
            "closed": None if closed is None else moment(closed).isoformat(),
            "value": notice["value"],
            "limit": notice["bound"],
            "detail": notice["detail"],
        }
    ).encode()


def _put_off(engine: Engine, notice_id: int, tries: int, now: datetime) -> None:
    if tries >= _TRIES:
        _log.error("alarm_given_up", tries=tries)
        _forget(engine, notice_id)
        return
    wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (tries - 1))
    table = schema.notices
    values = {"tries": tries, "due_ms": milliseconds(now + wait)}
    with engine.begin() as connection:
        connection.execute(update(table).where(table.c.id == notice_id).values(values))


def _forget(engine: Engine, notice_id: int) -> None:
    with engine.begin() as connection:
        connection.execute(delete(schema.notices).where(schema.notices.c.id == notice_id))
