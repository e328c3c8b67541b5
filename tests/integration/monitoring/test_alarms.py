"""The rules of the alarms, their incidents, and how they go out."""

import hmac
import json
from datetime import timedelta

import numpy as np
import pytest
from integration.fake_servers import answering, receiving
from integration.log_entries import NOW, entry, refused, took
from pydantic import SecretStr
from sqlalchemy import Engine

from blemish.config.monitor import Alarms, Drift, Keep, Monitor
from blemish.monitoring import (
    alarms,
)
from blemish.monitoring.prediction_log import PredictionLog, ServedEntry
from blemish.monitoring.webhook import Webhook

MONITOR = Monitor(
    keep=Keep(days=30, image_days=7, image_megabytes=1),
    alarms=Alarms(
        window_minutes=15,
        min_requests=10,
        defect_rate=0.5,
        error_rate=0.1,
        latency_p95_ms=100,
        silent_minutes=60,
    ),
    drift=Drift(window=100, false_alarm_rate=0.01, min_psi=0.1),
)


def test_alarms_open_once_and_close_when_it_is_over(engine: Engine) -> None:
    """An error rate beyond its bound opens one alarm; a quiet quarter of an hour closes it."""
    PredictionLog(engine).write([entry(n) for n in range(10)] + [refused(n) for n in range(10)])
    assert alarms.check(engine, MONITOR, NOW)
    assert not alarms.check(engine, MONITOR, NOW + timedelta(seconds=5))
    assert alarms.check(engine, MONITOR, NOW + timedelta(seconds=20))
    (found,) = alarms.history(engine)
    assert (found.rule, found.value, found.closed) == ("error rate", 0.5, None)
    later = NOW + timedelta(minutes=30)
    assert alarms.check(engine, MONITOR, later)
    (found,) = alarms.history(engine)
    assert found.closed == later


def test_one_incident_is_one_row_with_live_words(engine: Engine) -> None:
    """The words of an open alarm follow what is measured; a rule that flickers opens no second row.

    Who has seen it is kept, and the first to say so stays.
    """
    log = PredictionLog(engine)
    log.write([entry(n) for n in range(10)] + [refused(n) for n in range(10)])
    assert alarms.check(engine, MONITOR, NOW)
    log.write([refused(n) for n in range(20)])
    assert alarms.check(engine, MONITOR, NOW + timedelta(seconds=20))
    (found,) = alarms.history(engine)
    assert found.value == pytest.approx(0.75)
    assert "40 requests" in found.detail
    alarms.acknowledge(engine, found.id, "Ada", NOW)
    alarms.acknowledge(engine, found.id, "Bob", NOW + timedelta(minutes=1))
    log.write([entry(n) for n in range(1_000)])
    assert alarms.check(engine, MONITOR, NOW + timedelta(seconds=40))
    assert alarms.history(engine)[0].closed is not None
    log.write([refused(n) for n in range(2_000)])
    assert alarms.check(engine, MONITOR, NOW + timedelta(seconds=60))
    (found,) = alarms.history(engine)
    assert (found.closed, found.opened) == (None, NOW)
    assert (found.acknowledged_by, found.acknowledged) == ("Ada", NOW)


def test_alarms_survive_a_clock_that_was_a_year_ahead(engine: Engine) -> None:
    """What a wrong clock wrote keeps no rule from being asked, and hides no silence."""
    ahead = NOW + timedelta(days=365)
    PredictionLog(engine).write([entry(1), entry(2, time=ahead)])
    assert alarms.check(engine, MONITOR, ahead)
    later = NOW + timedelta(hours=6)
    assert alarms.check(engine, MONITOR, later)
    silence = next(one for one in alarms.judge(engine, MONITOR, later) if one.rule == "silence")
    assert silence.holds


def test_alarms_go_out_signed_until_they_arrive(engine: Engine) -> None:
    """A receiver that fails is tried again; what arrives carries a signature of its body."""
    PredictionLog(engine).write([entry(n) for n in range(10)] + [refused(n) for n in range(10)])
    alarms.check(engine, MONITOR, NOW)
    secret = SecretStr("shared")
    with answering(500, "text/plain", b"no") as url:
        assert Webhook(url, secret).tell(engine, NOW) == 0
    with receiving() as (url, received):
        hook = Webhook(url, secret)
        assert hook.tell(engine, NOW + timedelta(seconds=5)) == 0  # not due again yet
        assert hook.tell(engine, NOW + timedelta(seconds=20)) == 1
        assert hook.tell(engine, NOW + timedelta(seconds=40)) == 0
    ((headers, body),) = received
    said = json.loads(body)
    assert (said["event"], said["rule"], said["value"]) == ("opened", "error rate", 0.5)
    stamp = headers["X-Blemish-Time"].encode()
    expected = hmac.new(b"shared", stamp + b"." + body, "sha256").hexdigest()
    assert headers["X-Blemish-Signature"] == f"sha256={expected}"


def test_every_rule_can_hold(engine: Engine) -> None:
    """Slow, defective and then silent: each opens the alarm of its name and no other."""
    slow = took(500.0)
    PredictionLog(engine).write([entry(n, defective=True, timing_ms=slow) for n in range(30)])
    held = {one.rule for one in alarms.judge(engine, MONITOR, NOW) if one.holds}
    assert held == {"defect rate", "latency"}
    held = {o.rule for o in alarms.judge(engine, MONITOR, NOW + timedelta(hours=2)) if o.holds}
    assert held == {"silence"}


def test_drift_is_judged_against_the_statistics_that_the_server_told(engine: Engine) -> None:
    """Images unlike those of the model's training open the drift alarm, and it names what moved."""
    edges = [0.42 + 0.02 * k for k in range(9)]
    figures = {"brightness": {"edges": edges, "counts": [170] * 10, "mean": 0.5}}
    log = PredictionLog(engine)
    log.write_served(ServedEntry(time=NOW, version=3, statistics={"figures": figures}))
    rng = np.random.default_rng(1)
    log.write([entry(n, statistics={"brightness": rng.uniform(0.40, 0.60)}) for n in range(100)])
    assert not {o.rule for o in alarms.judge(engine, MONITOR, NOW) if o.holds} & {"drift"}
    log.write([entry(n, statistics={"brightness": rng.uniform(0.30, 0.40)}) for n in range(100)])
    drifted = next(one for one in alarms.judge(engine, MONITOR, NOW) if one.rule == "drift")
    assert (drifted.holds, drifted.detail) == (True, "Brightness")
