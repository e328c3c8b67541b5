"""Promotion from the command line's function to the alias, against a real store."""

import json
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from integration.tiny_checkout import make_checkout, write_data, write_outputs

from blemish.config import Workspace, load_params
from blemish.config.promote import Promote
from blemish.errors import (
    ModelFileError,
    NotFoundError,
    ParamsError,
    PromotionConflictError,
    PromotionError,
)
from blemish.image_digests import ImageDigest, write_digests
from blemish.operating_point import OperatingPoint
from blemish.promotion.promotion_workflow import Outcome, ask_gate, promote
from blemish.promotion.rollback import find_target, rollback
from blemish.recording import sync
from blemish.registry import Registry, aliases
from blemish.registry.aliases import move_champion
from blemish.registry.derived import save_operating_point, with_operating_point
from blemish.registry.history import announce_and_apply
from blemish.registry.moves import Move, now
from blemish.store.names import IMAGES, MODEL

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A checkout whose champion, version 1, has Dice 0.8 on 24 images of 12 parts."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("BLEMISH_CACHE", str(tmp_path / "cache"))
    workspace = make_checkout(tmp_path / "checkout", skill=0.8)
    sync.record_workspace(workspace)
    return workspace


@pytest.fixture
def rule() -> Promote:
    """The shipped bounds, but for latency: these models take microseconds."""
    shipped = load_params(REPOSITORY / "params.yaml").promote
    return shipped.model_copy(update={"latency_ratio": 100.0})


def add(workspace: Workspace, *, skill: float = 0.8, **changes: float) -> int:
    """Record another training over the same data; return its fp32 version."""
    write_outputs(workspace, skill=skill, **changes)  # type: ignore[arg-type]
    return sync.record_workspace(workspace).versions["fp32"]


def ask(workspace: Workspace, ref: object, rule: Promote, **options: object) -> Outcome:
    registry = Registry.connect(workspace=workspace)
    return promote(registry, str(ref), rule, who="Inspector", **options)  # type: ignore[arg-type]


def champion(workspace: Workspace) -> int:
    return Registry.connect(workspace=workspace).aliases()["champion"]


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


def test_other_test_images_mean_that_both_models_run(workspace: Workspace, rule: Promote) -> None:
    """With another test split, results come from running both files on the candidate's images."""
    write_data(workspace, seed=5)
    blind = add(workspace, seed=5, skill=0.9, bias=300.0)  # its stored results flatter it
    outcome = ask(workspace, blind, rule)
    assert outcome.verdict == "refused"
    assert outcome.decision
    assert outcome.decision.metrics["synthetic.dice"] == 0.0
    assert outcome.decision.metrics["synthetic.champion_dice"] == 1.0


def test_images_that_a_version_was_trained_on_are_left_out(
    workspace: Workspace, rule: Promote
) -> None:
    """A hit leaves out its whole part; with too few parts left, even a better model is refused."""
    version = add(workspace, skill=0.9)
    registry = Registry.connect(workspace=workspace)
    names = [row.image_id for row in registry.results(registry.resolve(version))]

    def tell(number: int, split: str, indices: Iterable[int]) -> None:
        text = write_digests(
            ImageDigest(split, "synthetic", f"part-{k // 2}", names[k], f"{k:064x}")
            for k in indices
        )
        registry.store.client.log_text(registry.resolve(number).run_id, text, IMAGES)

    tell(version, "test", range(24))
    tell(1, "train", [0, 23])  # of parts 0 and 11
    outcome = ask(workspace, version, rule)
    assert outcome.verdict == "promoted"
    assert outcome.decision
    assert outcome.decision.metrics["groups"] == 10
    assert any("4 of 24 test images, of 2 groups" in note for note in outcome.decision.notes)
    rollback(registry, who="Inspector")
    tell(1, "val", [0, 5, 23])
    outcome = ask(workspace, version, rule)
    assert outcome.verdict == "refused"
    assert outcome.decision
    assert [check.name for check in outcome.decision.failed] == ["Independent test groups of a set"]
    assert any("6 of 24 test images, of 3" in note for note in outcome.decision.notes)


def test_a_version_whose_training_images_are_unknown_is_marked(
    workspace: Workspace, rule: Promote
) -> None:
    """A run without digests of its images is named, with the command that adds them."""
    version = add(workspace, skill=0.9)
    registry = Registry.connect(workspace=workspace)
    run_id = registry.resolve(1).run_id
    (workspace.root / "mlartifacts" / run_id / "artifacts" / IMAGES).unlink()
    outcome = ask(workspace, version, rule)
    assert outcome.decision
    assert any("Version 1: training images unknown" in note for note in outcome.decision.notes)


def test_a_chosen_operating_point_is_a_candidate_that_sync_and_the_gate_know(
    workspace: Workspace, rule: Promote
) -> None:
    """Its file is judged by running it; sync leaves it alone and makes a lost file again."""
    registry = Registry.connect(workspace=workspace)
    source = registry.resolve("champion")
    point = OperatingPoint(0.25, 0.5)
    number = save_operating_point(registry, source, point, who="Inspector", chosen_on="validation")
    assert number == save_operating_point(registry, source, point, who="B", chosen_on="validation")
    version = registry.resolve("candidate")
    assert version.version == number
    assert version.tags["derived_from"] == f"1/{source.record}"
    assert registry.model_bytes(version) == with_operating_point(
        registry.model_bytes(source), point
    )
    report = sync.record_workspace(workspace)
    assert not report.changed
    assert report.versions["fp32"] == 1
    uri = registry.store.client.get_model_version_download_uri(MODEL, str(number))
    (Path(uri.removeprefix("file://")) / "model.onnx").unlink()
    assert sync.record_workspace(workspace).restored == (f"version {number}",)
    assert registry.stored_bytes(version) == registry.model_bytes(version)
    outcome = ask(workspace, number, rule)
    assert outcome.verdict == "promoted"
    assert outcome.decision
    assert outcome.decision.metrics["synthetic.dice"] == 1.0  # run, not taken from the source's


def test_a_point_chosen_on_test_images_is_refused(workspace: Workspace, rule: Promote) -> None:
    """Those images prove nothing about it, and there are no others."""
    registry = Registry.connect(workspace=workspace)
    point = OperatingPoint(0.25, 0.5)
    source = registry.resolve("champion")
    number = save_operating_point(registry, source, point, who="Inspector", chosen_on="test")
    outcome = ask_gate(registry, str(number), rule)
    assert outcome.verdict == "would refuse"
    assert outcome.decision
    assert any("was chosen on test images" in note for note in outcome.decision.notes)


def test_int8_is_compared_by_running_it(workspace: Workspace, rule: Promote) -> None:
    """An int8 candidate runs on the test images, and its parity with fp32 is measured."""
    outcome = ask(workspace, "candidate-int8", rule)
    assert outcome.verdict == "promoted"
    assert outcome.decision
    assert "Dice, fp32 to int8" in [check.name for check in outcome.decision.checks]


def test_without_evidence_it_is_refused_with_the_reason(
    workspace: Workspace, rule: Promote
) -> None:
    """Test images that the store no longer has: refused, and it says why and what to do."""
    write_data(workspace, seed=5)
    version = add(workspace, seed=5, skill=0.9)
    registry = Registry.connect(workspace=workspace)
    run_id = registry.resolve(version).run_id
    folder = workspace.root / "mlartifacts" / run_id / "artifacts" / "evaluated" / "test_images"
    for image in folder.iterdir():
        image.unlink()
    outcome = ask(workspace, version, rule)
    assert outcome.verdict == "refused"
    assert outcome.decision is None
    assert "keeps no test images" in outcome.obstacle
    assert champion(workspace) == 1


def test_a_damaged_file_is_never_promoted_not_even_by_force(
    workspace: Workspace, rule: Promote
) -> None:
    """A file whose bytes are not the registered ones stops a promotion before the gate."""
    version = add(workspace, skill=0.9)
    registry = Registry.connect(workspace=workspace)
    uri = registry.store.client.get_model_version_download_uri(MODEL, str(version))
    path = Path(uri.removeprefix("file://")) / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelFileError, match="SHA-256"):
        ask(workspace, version, rule, force=True, reason="hurry")
    assert champion(workspace) == 1


def test_a_champion_whose_file_is_gone_can_be_replaced_by_force(
    workspace: Workspace, rule: Promote
) -> None:
    """There is nothing to compare with: refused with the reason, and promoted when forced."""
    write_data(workspace, seed=5)  # other test images, so that the champion itself must run
    version = add(workspace, seed=5, skill=0.9)
    registry = Registry.connect(workspace=workspace)
    uri = registry.store.client.get_model_version_download_uri(MODEL, "1")
    (Path(uri.removeprefix("file://")) / "model.onnx").unlink()
    for cached in registry.cache.folder.glob("*.onnx"):
        cached.unlink()
    outcome = ask(workspace, version, rule)
    assert (outcome.verdict, outcome.decision) == ("refused", None)
    assert outcome.obstacle
    forced = ask(workspace, version, rule, force=True, reason="its file is lost")
    assert forced.verdict == "forced"
    assert champion(workspace) == version


def test_an_unknown_version_is_named(workspace: Workspace, rule: Promote) -> None:
    """Promoting what is not there is a sentence with what there is."""
    with pytest.raises(NotFoundError, match="no version 9"):
        ask(workspace, 9, rule)


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
