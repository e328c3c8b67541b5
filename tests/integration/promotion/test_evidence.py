"""What a candidate is compared by: stored results, models that run, and what is left out."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from integration.promotion.promotions import add, ask, champion
from integration.tiny_checkout import write_data, write_lock, write_outputs
from PIL import Image

from blemish.config import Workspace
from blemish.config.promote import Promote
from blemish.errors import (
    ModelFileError,
)
from blemish.image_digests import ImageDigest, write_digests
from blemish.operating_point import OperatingPoint
from blemish.promotion.promotion_workflow import ask_gate
from blemish.promotion.rollback import rollback
from blemish.recording import sync
from blemish.registry import Registry
from blemish.registry.derived import save_operating_point, with_operating_point
from blemish.store.names import IMAGES, MODEL


def test_other_test_images_mean_that_both_models_run(workspace: Workspace, rule: Promote) -> None:
    """With another test split, results come from running both files on the candidate's images."""
    write_data(workspace, seed=5)
    blind = add(workspace, seed=5, skill=0.9, bias=300.0)  # its stored results flatter it
    outcome = ask(workspace, blind, rule)
    assert outcome.verdict == "refused"
    assert outcome.decision
    assert outcome.decision.metrics["synthetic.dice"] == 0.0
    assert outcome.decision.metrics["synthetic.champion_dice"] == 1.0


def test_marks_outside_the_region_of_interest_count_for_neither(
    workspace: Workspace, rule: Promote
) -> None:
    """Models that run on stored test images are judged inside the region that is stored beside."""
    write_data(workspace, seed=5)
    write_outputs(workspace, seed=5, skill=0.9)
    evaluated = workspace.path("evaluated")
    (evaluated / "test_regions").mkdir()
    for path in (evaluated / "test_images").iterdir():
        plane = np.array(Image.open(path))
        plane[-8:] = 255  # marked by both models; no defect lies there
        Image.fromarray(plane).save(path)
        region = np.full_like(plane, 255)
        region[-8:] = 0
        Image.fromarray(region).save(evaluated / "test_regions" / path.name)
    write_lock(workspace)
    outcome = ask(workspace, sync.record_workspace(workspace).versions["fp32"], rule)
    assert outcome.decision
    assert outcome.decision.metrics["synthetic.dice"] == 1.0
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
