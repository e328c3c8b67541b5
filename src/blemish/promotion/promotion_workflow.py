"""Promotion from request to record; the command line and the dashboard both call this.

What the gate decides on comes from four modules, in this order:

evidence           both models on the same test images; size, latency and parity
independence       which of these images neither version was fitted to
rule               the bounds, set by set: numbers in, a decision out
paired_comparison  how far two models are apart, and how sure that is
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

from blemish.config.promote import Promote
from blemish.errors import ModelFileError, NotFoundError, ParamsError, PromotionError, StoreError
from blemish.progress import Tell
from blemish.promotion.evidence import LoadedVersion, gather
from blemish.promotion.rule import Decision, decide
from blemish.registry.aliases import move_champion
from blemish.registry.catalogue import Registry
from blemish.registry.loading import load_verified
from blemish.registry.moves import Move, check_text, now
from blemish.registry.version import Version
from blemish.store.names import CHAMPION, GATE, GATE_VERDICT, MODEL

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


@dataclass(frozen=True)
class _GateAnswer:
    """What the gate says of a version.

    Attributes:
        candidate: Version that was to be judged.
        champion: Version that is champion; None for none.
        decision: With its numbers; None where there was no evidence, or the candidate is champion.
        obstacle: Why there was no evidence.
    """

    candidate: Version
    champion: Version | None
    decision: Decision | None = None
    obstacle: str = ""

    @property
    def is_champion_already(self) -> bool:
        return self.champion is not None and self.champion.version == self.candidate.version

    @property
    def passed(self) -> bool:
        return self.decision is not None and self.decision.passed

    def outcome(self, verdict: Verdict, move: Move | None = None) -> Outcome:
        champion = self.champion.version if self.champion else None
        return Outcome(
            verdict, self.candidate.version, champion, self.decision, self.obstacle, move
        )


def promote(
    registry: Registry,
    ref: str,
    bounds: Promote,
    *,
    who: str,
    reason: str = "",
    force: bool = False,
    threads: int = 1,
    tell: Tell = lambda _: None,
) -> Outcome:
    """Ask the gate about a version, and make it champion if it passes or is forced.

    Args:
        registry: Where.
        ref: Alias or number of the version.
        bounds: Bounds of the gate.
        who: Author of the move.
        reason: What the author says of it; required with ``force``.
        force: Move even if the gate refuses or has no evidence. A file that is damaged or does not
            load is never promoted.
        threads: Threads of one inference, as it is served.
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
    answer = _ask(registry, ref, bounds, threads, tell)
    if answer.is_champion_already:
        return answer.outcome("unchanged")
    _write_decision(registry, answer, who, reason)
    if not (answer.passed or force):
        return answer.outcome("refused")
    move = move_champion(
        registry,
        answer.champion.version if answer.champion else None,
        answer.candidate.version,
        who=who,
        why="promote" if answer.passed else "forced",
        reason=reason,
    )
    verdict: Verdict = "promoted" if answer.passed else "forced"
    with suppress(StoreError):  # the history says it already
        _write_verdict(registry, answer.candidate, verdict)
    return answer.outcome(verdict, move)


def ask_gate(
    registry: Registry,
    ref: str,
    bounds: Promote,
    *,
    threads: int = 1,
    tell: Tell = lambda _: None,
) -> Outcome:
    """Ask the gate about a version without moving or writing anything: a dry run.

    Args:
        registry: Where.
        ref: Alias or number of the version.
        bounds: Bounds of the gate.
        threads: Threads of one inference, as it is served.
        tell: Called with what is being done, for a progress line.

    Returns:
        ``would pass``, ``would refuse``, or ``unchanged`` for the champion itself.

    Raises:
        NotFoundError: There is no such version.
        ModelFileError: Its file is damaged or breaks the contract.
        StoreUnreachableError: The store does not answer.
    """
    answer = _ask(registry, ref, bounds, threads, tell)
    if answer.is_champion_already:
        return answer.outcome("unchanged")
    return answer.outcome("would pass" if answer.passed else "would refuse")


def _ask(registry: Registry, ref: str, bounds: Promote, threads: int, tell: Tell) -> _GateAnswer:
    """Have the gate judge a version; a candidate whose file is damaged is never judged."""
    candidate, champion = registry.resolve(ref), _champion(registry)
    answer = _GateAnswer(candidate, champion)
    if answer.is_champion_already:
        return answer
    tell("Checking the model files")
    ours = LoadedVersion(candidate, load_verified(registry, candidate, threads=threads))
    try:
        theirs = None
        if champion is not None:
            theirs = LoadedVersion(champion, load_verified(registry, champion, threads=threads))
        evidence = gather(registry, ours, theirs, rounds=bounds.latency_rounds, tell=tell)
    except (PromotionError, ModelFileError, NotFoundError) as error:  # it may be the champion's
        return _GateAnswer(candidate, champion, obstacle=str(error))
    decision = decide(bounds, evidence.results, evidence.measured, evidence.notes)
    return _GateAnswer(candidate, champion, decision)


def _champion(registry: Registry) -> Version | None:
    try:
        return registry.resolve(CHAMPION)
    except NotFoundError:
        return None


def _write_decision(registry: Registry, answer: _GateAnswer, who: str, reason: str) -> None:
    """Write the decision and every number of it as tags of the version.

    The verdict before it goes first and the new one comes last: after a kill there is no verdict,
    and never one beside the numbers of another.
    """
    number = str(answer.candidate.version)
    tags = {f"{GATE}{key}": value for key, value in _decision_tags(answer, who, reason).items()}
    with registry.store.writing(), registry.store.calling("Writing the decision") as client:
        before = client.get_model_version(MODEL, number).tags
        stale = {key for key in before if key.startswith(GATE)} - tags.keys() - {GATE_VERDICT}
        for key in (*({GATE_VERDICT} & before.keys()), *sorted(stale)):
            client.delete_model_version_tag(MODEL, number, key)
        for key, value in tags.items():
            client.set_model_version_tag(MODEL, number, key, value)
        verdict = "passed" if answer.passed else "refused"
        client.set_model_version_tag(MODEL, number, GATE_VERDICT, verdict)


def _decision_tags(answer: _GateAnswer, who: str, reason: str) -> dict[str, str]:
    checks = answer.decision.checks if answer.decision else ()
    notes = answer.decision.notes if answer.decision else ()
    metrics = answer.decision.metrics if answer.decision else {}
    return {
        "at": now(),
        "who": who,
        "champion": str(answer.champion.version) if answer.champion else "",
        "reason": reason or answer.obstacle,
        "checks": json.dumps([asdict(check) for check in checks]),
        "notes": "\n".join(notes),
        **{key: repr(value) for key, value in metrics.items()},
    }


def _write_verdict(registry: Registry, version: Version, verdict: Verdict) -> None:
    with registry.store.writing(), registry.store.calling("Writing the decision") as client:
        client.set_model_version_tag(MODEL, str(version.version), GATE_VERDICT, verdict)
