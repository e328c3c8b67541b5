"""The alias moves once or not at all: kills, races and moves of others in between."""

import subprocess
import sys

import pytest
from integration.promotion.promotions import add, ask, champion

from blemish.config import Workspace
from blemish.config.promote import Promote
from blemish.errors import (
    PromotionConflictError,
)
from blemish.promotion.rollback import rollback
from blemish.registry import Registry
from blemish.registry.aliases import move_champion
from blemish.registry.history import announce_and_apply
from blemish.registry.moves import Move, now
from blemish.store.names import MODEL


def test_a_kill_between_the_move_and_its_record_leaves_both_or_none(workspace: Workspace) -> None:
    """Killed before the alias moved, the history has no move; killed after it, it has the move."""
    second = add(workspace, skill=0.9)
    registry = Registry.connect(workspace=workspace)
    store = registry.store
    move = Move("champion", 1, second, now(), "Inspector", "promote", "new camera")

    class KilledError(BaseException):
        pass

    def before() -> None:
        raise KilledError

    def after() -> None:
        store.client.set_registered_model_alias(MODEL, "champion", str(second))
        raise KilledError

    with pytest.raises(KilledError), store.writing():
        announce_and_apply(store, move, before)
    assert [m.why for m in registry.history()] == ["first"]
    assert champion(workspace) == 1
    with pytest.raises(KilledError), store.writing():
        announce_and_apply(store, move, after)
    told = registry.history()
    assert [(m.why, m.who, m.after) for m in told][1:] == [("promote", "Inspector", second)]
    assert registry.history() == told
    assert rollback(registry, who="Inspector").after == 1


def test_a_move_made_while_the_gate_looked_is_a_conflict(
    workspace: Workspace, rule: Promote
) -> None:
    """Somebody else's promotion in between wins; ours is told and changes nothing."""
    second = add(workspace, skill=0.85)
    third = add(workspace, skill=0.9)
    registry = Registry.connect(workspace=workspace)
    ask(workspace, second, rule)
    with pytest.raises(PromotionConflictError, match=f"was version 1 .* is version {second} now"):
        move_champion(registry, 1, third, who="B", why="promote", reason="")
    assert champion(workspace) == second
    assert [move.after for move in registry.history()] == [1, second]


def test_two_processes_at_once_one_wins_and_the_other_is_told(workspace: Workspace) -> None:
    """Two programs that promote at the same moment: one move, one conflict, one history."""
    versions = [add(workspace, skill=0.85), add(workspace, skill=0.9)]
    program = """
import sys, time
from pathlib import Path
from blemish.config import Workspace
from blemish.errors import PromotionConflictError
from blemish.registry import Registry, aliases
from blemish.registry.aliases import move_champion
registry = Registry.connect(workspace=Workspace(Path(sys.argv[1])))
before = registry.aliases()["champion"]
print("ready", flush=True)
sys.stdin.readline()
try:
    move_champion(registry, before, int(sys.argv[2]), who="x", why="promote", reason="")
    print("won")
except PromotionConflictError:
    print("told")
"""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(workspace.root), str(version)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for version in versions
    ]
    for racer in racers:
        assert racer.stdout
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.communicate()[0].strip() for racer in racers]
    assert sorted(said) == ["told", "won"]
    moves = Registry.connect(workspace=workspace).history()
    assert len(moves) == 2
    assert moves[-1].after == champion(workspace) == versions[said.index("won")]
