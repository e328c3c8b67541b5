"""Promotion from request to record; the command line and the dashboard both call this."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from blemish.config.promote import Promote
from blemish.errors import ModelFileError, NotFoundError, ParamsError, PromotionError, StoreError
from blemish.promotion.evidence import gather
from blemish.promotion.rule import Decision, decide
from blemish.registry.aliases import move_champion
from blemish.registry.catalogue import Registry
from blemish.registry.loading import load_verified
from blemish.registry.moves import Move, check_text, now
from blemish.registry.version import Version
from blemish.store.names import CHAMPION, GATE, MODEL

Verdict = Literal["promoted", "forced", "refused", "unchanged", "would pass", "would refuse"]


@dataclass(frozen=True)
class Outcome:
    """What became of a promotion.

    Attributes:
        verdict: Only ``promoted`` and ``forced`` moved the champion; ``would pass`` and
            ``would refuse`` are those of a dry run.
        version: Version that was to be promoted.
        champion: Version that was champion; None for none.
        decision: The gate's metrics; None where it could not be asked, or needed not be.
        obstacle: Why the gate could not be asked.
        move: The move as written into the history; None when there was none.
    """

    verdict: Verdict
    version: int
    champion: int | None
    decision: Decision | None = None
    obstacle: str = ""
    move: Move | None = None

    @property
    def moved(self) -> bool:
        """Whether the champion is another version now."""
        return self.move is not None

    def to_document(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self) | {"moved": self.moved}


def promote(
    registry: Registry,
    ref: str,
    rule: Promote,
    *,
    who: str,
    reason: str = "",
    force: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Ask the gate about a version, and make it champion if it passes or is forced.

    Args:
        registry: Where.
        ref: Alias or number of the version.
        rule: The bounds of the gate.
        who: Author of the move.
        reason: What the author says of it; required with ``force``.
        force: Move even if the gate refuses or has no evidence. A file that is damaged or does not
            load is never promoted.
        tell: Called with what is being done, for a progress line.

    Returns:
        The outcome; its verdict and metrics are tags of the version from now on.

    Raises:
        ParamsError: ``force`` without a reason.
        NotFoundError: There is no such version.
        ModelFileError: Its file is damaged or breaks the contract.
        PromotionConflictError: Somebody else moved the champion meanwhile.
        StoreUnreachableError: The store does not answer.
    """
    if force and not reason.strip():
        raise ParamsError("--force needs a reason: blemish promote REF --force --reason TEXT")
    who, reason = check_text("The name", who), check_text("The reason", reason)
    registry.history()  # a move made outside is noticed before ours
    asked = ask_gate(registry, ref, rule, tell=tell)
    if asked.verdict == "unchanged":
        return asked
    passed = asked.verdict == "would pass"
    verdict: Verdict = "promoted" if passed else "forced" if force else "refused"
    outcome = replace(asked, verdict=verdict)
    _write_tags(registry, outcome, "passed" if passed else "refused", who, reason)
    if verdict == "refused":
        return outcome
    move = move_champion(
        registry,
        outcome.champion,
        outcome.version,
        who=who,
        why="promote" if passed else "forced",
        reason=reason,
    )
    with suppress(StoreError):  # the history says it already
        _write_verdict(registry, outcome.version, verdict)
    return replace(outcome, move=move)


def ask_gate(
    registry: Registry,
    ref: str,
    rule: Promote,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Ask the gate about a version without moving or writing anything: a dry run.

    Args:
        registry: Where.
        ref: Alias or number of the version.
        rule: The bounds of the gate.
        tell: Called with what is being done, for a progress line.

    Returns:
        ``would pass``, ``would refuse``, or ``unchanged`` for the champion itself.

    Raises:
        NotFoundError: There is no such version.
        ModelFileError: Its file is damaged or breaks the contract.
        StoreUnreachableError: The store does not answer.
    """
    candidate, champion = registry.resolve(ref), _champion(registry)
    if champion and champion.version == candidate.version:
        return Outcome("unchanged", candidate.version, champion.version)
    tell("Checking the model file")
    load_verified(registry, candidate)
    decision, obstacle = judge(registry, candidate, champion, rule, tell=tell)
    verdict: Verdict = "would pass" if decision and decision.passed else "would refuse"
    number = champion.version if champion else None
    return Outcome(verdict, candidate.version, number, decision, obstacle)


def judge(
    registry: Registry,
    candidate: Version,
    champion: Version | None,
    rule: Promote,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Decision | None, str]:
    """Ask the gate about a version without moving anything.

    Returns:
        The decision and an empty string, or None and why there is no evidence to decide on.
    """
    try:
        evidence = gather(registry, candidate, champion, rounds=rule.latency_rounds, tell=tell)
    except (PromotionError, ModelFileError, NotFoundError) as error:  # it may be the champion's
        return None, str(error)
    return decide(rule, evidence.results, evidence.measured, evidence.notes), ""


def _champion(registry: Registry) -> Version | None:
    try:
        return registry.resolve(CHAMPION)
    except NotFoundError:
        return None


def _write_verdict(registry: Registry, number: int, verdict: str) -> None:
    with registry.store.writing(), registry.store.calling("Writing the decision") as client:
        client.set_model_version_tag(MODEL, str(number), f"{GATE}verdict", verdict)


def _write_tags(registry: Registry, outcome: Outcome, verdict: str, who: str, reason: str) -> None:
    """Write the verdict of the gate and every number as tags of the version."""
    tags = {
        "verdict": verdict,
        "at": now(),
        "who": who,
        "champion": str(outcome.champion or ""),
        "reason": reason or outcome.obstacle,
    }
    checks = outcome.decision.checks if outcome.decision else ()
    tags["checks"] = json.dumps([asdict(check) for check in checks])
    tags["notes"] = "\n".join(outcome.decision.notes if outcome.decision else ())
    if outcome.decision:
        tags |= {key: repr(value) for key, value in outcome.decision.metrics.items()}
    with registry.store.writing(), registry.store.calling("Writing the decision") as client:
        for key, value in tags.items():
            client.set_model_version_tag(MODEL, str(outcome.version), f"{GATE}{key}", value)
