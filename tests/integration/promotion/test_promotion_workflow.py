"""Promotion from the command line's function to the alias, against a real store."""

import json
import subprocess
import sys

import pytest
from integration.promotion.promotions import add, ask, champion

from blemish.config import Workspace
from blemish.config.promote import Promote
from blemish.errors import (
    NotFoundError,
    ParamsError,
)
from blemish.promotion.promotion_workflow import ask_gate
from blemish.registry import Registry
from blemish.store.names import MODEL


def test_a_worse_model_is_refused_and_nothing_moves(workspace: Workspace, rule: Promote) -> None:
    """A model that finds less is refused; alias and history stay; its tags tell why."""
    worse = add(workspace, skill=0.6)
    outcome = ask(workspace, worse, rule)
    assert outcome.verdict == "refused"
    assert not outcome.moved
    assert outcome.decision
    assert outcome.decision.metrics["synthetic.dice_difference_low"] < -0.1
    assert champion(workspace) == 1
    registry = Registry.connect(workspace=workspace)
    assert [move.why for move in registry.history()] == ["first"]
    gate = registry.resolve(worse).gate
    assert (gate["verdict"], gate["who"], gate["champion"]) == ("refused", "Inspector", "1")
    assert (
        float(gate["synthetic.dice_difference"])
        == outcome.decision.metrics["synthetic.dice_difference"]
    )
    failed = [check["name"] for check in json.loads(gate["checks"]) if not check["passed"]]
    assert failed == ["Dice against the champion, set synthetic, 95 % lower bound"]


@pytest.mark.parametrize("skill", [0.8, 0.9], ids=["equal", "better"])
def test_an_equal_and_a_better_model_pass(
    workspace: Workspace, rule: Promote, skill: float
) -> None:
    """A model that is not worse becomes champion, and the history says by whom and from where."""
    version = add(workspace, skill=skill, threshold=0.45)
    outcome = ask(workspace, version, rule, reason="new camera")
    assert outcome.verdict == "promoted"
    assert champion(workspace) == version
    move = Registry.connect(workspace=workspace).history()[-1]
    assert (move.before, move.after, move.who, move.why) == (1, version, "Inspector", "promote")
    assert move.reason == "new camera"


def test_promoting_the_champion_changes_nothing(workspace: Workspace, rule: Promote) -> None:
    """The champion itself is neither judged nor moved."""
    assert ask(workspace, "champion", rule).verdict == "unchanged"
    assert len(Registry.connect(workspace=workspace).history()) == 1


def test_force_needs_a_reason_and_is_recorded_as_forced(
    workspace: Workspace, rule: Promote
) -> None:
    """A refused model can be forced with a reason; history and tags call it forced."""
    worse = add(workspace, skill=0.6)
    with pytest.raises(ParamsError, match="needs a reason"):
        ask(workspace, worse, rule, force=True, reason="  ")
    outcome = ask(workspace, worse, rule, force=True, reason="line trial")
    assert outcome.verdict == "forced"
    assert champion(workspace) == worse
    registry = Registry.connect(workspace=workspace)
    assert (registry.history()[-1].why, registry.history()[-1].reason) == ("forced", "line trial")
    assert registry.resolve(worse).gate["verdict"] == "forced"


@pytest.mark.parametrize("reason", ["\udc80\udcff", "\x1b]0;x\x07", "x" * 3000], ids=ascii)
def test_an_odd_reason_is_refused_before_anything_moves(
    workspace: Workspace, rule: Promote, reason: str
) -> None:
    """Bytes that are no text, control characters and absurd lengths move no alias."""
    version = add(workspace, skill=0.9)
    with pytest.raises(ParamsError, match="Nothing was moved"):
        ask(workspace, version, rule, reason=reason)
    assert champion(workspace) == 1
    assert Registry.connect(workspace=workspace).resolve(version).gate == {}


def test_no_file_is_loaded_before_its_trial(workspace: Workspace, rule: Promote) -> None:
    """Champion and candidate are tried in a process of their own, also where results are stored."""
    number = add(workspace, skill=0.9)
    registry = Registry.connect(workspace=workspace)
    files = [registry.resolve(ref).sha256 for ref in (1, number)]
    assert not any(registry.cache.is_tried(file) for file in files)
    assert ask_gate(registry, str(number), rule).verdict == "would pass"
    assert all(registry.cache.is_tried(file) for file in files)


def test_a_decision_leaves_nothing_of_the_one_before(workspace: Workspace, rule: Promote) -> None:
    """Numbers that the last decision does not have go, and so does what a kill left."""
    worse = add(workspace, skill=0.6)
    ask(workspace, worse, rule)
    registry = Registry.connect(workspace=workspace)
    client = registry.store.client
    client.set_model_version_tag(MODEL, str(worse), "gate.line-9.dice", "0.9")
    client.delete_model_version_tag(MODEL, str(worse), "gate.verdict")
    assert registry.resolve(worse).gate == {}
    ask(workspace, worse, rule)
    gate = registry.resolve(worse).gate
    assert gate["verdict"] == "refused"
    assert "synthetic.dice" in gate
    assert "line-9.dice" not in gate


def test_a_dry_run_asks_the_gate_and_writes_nothing(workspace: Workspace, rule: Promote) -> None:
    """It says what the gate would do, with its numbers; tags, alias and history stay."""
    better, worse = add(workspace, skill=0.9), add(workspace, skill=0.6)
    registry = Registry.connect(workspace=workspace)
    assert ask_gate(registry, str(better), rule).verdict == "would pass"
    refused = ask_gate(registry, str(worse), rule)
    assert (refused.verdict, refused.moved) == ("would refuse", False)
    assert refused.decision
    assert refused.decision.failed
    assert ask_gate(registry, "champion", rule).verdict == "unchanged"
    assert champion(workspace) == 1
    assert len(registry.history()) == 1
    assert registry.resolve(worse).gate == {}


def test_an_unknown_version_is_named(workspace: Workspace, rule: Promote) -> None:
    """Promoting what is not there is a sentence with what there is."""
    with pytest.raises(NotFoundError, match="no version 9"):
        ask(workspace, 9, rule)


def blemish(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "blemish", *arguments]
    return subprocess.run(program, cwd=workspace.root, capture_output=True, text=True, check=False)


def test_the_whole_story_on_the_command_line(workspace: Workspace) -> None:
    """Refused (1), forced without reason (2), forced, rolled back; history tells all of it."""
    worse = str(add(workspace, skill=0.6))
    refused = blemish(workspace, "promote", worse)
    assert refused.returncode == 1
    assert "REFUSED" in refused.stdout
    assert "champion is still version 1" in refused.stderr
    dry = blemish(workspace, "promote", worse, "--dry-run", "--json")
    assert (dry.returncode, json.loads(dry.stdout)["verdict"]) == (1, "would refuse")
    assert blemish(workspace, "promote", worse, "--force").returncode == 2
    forced = blemish(workspace, "promote", worse, "--force", "--reason", "trial", "--json")
    assert (forced.returncode, json.loads(forced.stdout)["verdict"]) == (0, "forced")
    back = blemish(workspace, "rollback", "--reason", "trial over")
    assert "Version 1 is champion again" in back.stdout
    told = json.loads(blemish(workspace, "history", "--json").stdout)
    assert [(move["why"], move["before"], move["after"]) for move in told] == [
        ("rollback", int(worse), 1),
        ("forced", 1, int(worse)),
        ("first", None, 1),
    ]
    assert {move["reason"] for move in told} >= {"trial", "trial over"}
