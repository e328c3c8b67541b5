"""Back to the champion before, and what speaks against it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from integration.promotion.promotions import add, ask

from blemish.config import Workspace
from blemish.config.promote import Promote
from blemish.errors import (
    PromotionConflictError,
    PromotionError,
)
from blemish.promotion.rollback import find_target, rollback
from blemish.registry import Registry, aliases
from blemish.registry.aliases import move_champion
from blemish.store.names import MODEL


def test_rollback_goes_one_champion_back_each_time(workspace: Workspace, rule: Promote) -> None:
    """After two promotions, two rollbacks lead back to the first; a third has nowhere to go."""
    second = add(workspace, skill=0.85)
    ask(workspace, second, rule)
    third = add(workspace, skill=0.9)
    ask(workspace, third, rule)
    registry = Registry.connect(workspace=workspace)
    assert rollback(registry, who="Inspector").after == second
    assert rollback(registry, who="Inspector", reason="misses cracks").after == 1
    with pytest.raises(PromotionError, match="no champion before the present one"):
        rollback(registry, who="Inspector")
    whys = [move.why for move in registry.history()]
    assert whys == ["first", "promote", "promote", "rollback", "rollback"]
    ask(workspace, third, rule)
    assert rollback(registry, who="Inspector").after == 1


def test_rollback_follows_the_chain_of_moves_when_the_clock_goes_back(
    workspace: Workspace, rule: Promote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Champions 2, 1, 3, the last move dated an hour back: rollback gives 1, then 2."""
    second, third = add(workspace, skill=0.85), add(workspace, skill=0.9)
    registry = Registry.connect(workspace=workspace)
    move_champion(registry, 1, second, who="x", why="forced", reason="")
    move_champion(registry, second, 1, who="x", why="forced", reason="")
    earlier = datetime.now(UTC) - timedelta(hours=1)
    monkeypatch.setattr(aliases, "now", lambda: earlier.isoformat(timespec="microseconds"))
    move_champion(registry, 1, third, who="x", why="forced", reason="")
    target = find_target(registry)
    assert (target.version.version, target.present, target.warnings) == (1, third, ())
    with pytest.raises(PromotionConflictError, match="not to version 5"):
        rollback(registry, who="x", expected=5)
    assert rollback(registry, who="x", expected=1).after == 1
    assert rollback(registry, who="x").after == second
    assert rollback(registry, who="x").after == 1
    assert [m.after for m in registry.history()] == [1, second, 1, third, 1, second, 1]


def test_a_rollback_warns_of_a_version_once_refused_and_of_a_corrupt_file(
    workspace: Workspace, rule: Promote
) -> None:
    """What speaks against the target is said before the move; a corrupt file stops it."""
    worse = add(workspace, skill=0.6)
    ask(workspace, worse, rule, force=True, reason="line trial")
    best = add(workspace, skill=0.9)
    ask(workspace, best, rule)
    registry = Registry.connect(workspace=workspace)
    (warning,) = find_target(registry).warnings
    assert f"refused version {worse}" in warning
    uri = registry.store.client.get_model_version_download_uri(MODEL, str(worse))
    path = Path(uri.removeprefix("file://")) / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert "cannot be used" in find_target(registry).warnings[1]
