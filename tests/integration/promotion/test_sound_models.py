"""Sound models at the edge: neither export nor the gate takes them for broken ones."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from integration.promotion.promotions import ask, champion
from integration.tiny_checkout import write_lock, write_outputs
from small_world import WIDTH
from unit.export.tiny_export import params, silently, write_inputs

from blemish.config import Workspace
from blemish.config.promote import Promote
from blemish.export import export
from blemish.files import write_bytes, write_json
from blemish.model import UNetTiny
from blemish.preprocessing import Resizing
from blemish.recording import fingerprint, sync
from blemish.recording.pipeline_outputs import final_weights
from blemish.training.checkpoint import tensor_bytes


def very_sure(network: UNetTiny) -> None:
    network.head.weight.data *= 20.0


def constant(network: UNetTiny) -> None:
    network.head.weight.data.zero_()
    network.head.bias.data.zero_()


def barely_trained(network: UNetTiny) -> None:
    torch.manual_seed(0)
    fresh = UNetTiny(width=WIDTH).state_dict()
    network.load_state_dict({key: fresh[key] for key in network.state_dict()})


def record_exported(
    workspace: Workspace, folder: Path, change: Callable[[UNetTiny], None]
) -> dict[str, int]:
    """Export a changed network within the shipped bounds and register what comes out."""
    network = UNetTiny(width=WIDTH)
    inputs = write_inputs(folder)
    network.load_state_dict(torch.load(inputs.trained / "weights.pt", weights_only=True))
    change(network)
    weights = tensor_bytes(network.state_dict())
    write_outputs(workspace, skill=0.9)
    description = {
        "fingerprint": fingerprint.training_fingerprint(workspace),
        "architecture": {"name": "UNetTiny", "width": WIDTH},
        "best_epoch": 1,
    }
    for trained in (inputs.trained, final_weights(workspace).parent):
        write_bytes(trained / "weights.pt", weights)
        write_json(trained / "training.json", description)
    out, report = workspace.path("exported"), workspace.path("reports") / "parity.json"
    export(inputs, out, report, params(), Resizing(), tell=silently)
    write_lock(workspace)
    return dict(sync.record_workspace(workspace).versions)


@pytest.mark.parametrize("change", [very_sure, constant, barely_trained])
def test_a_sound_model_is_exported_and_judged(
    workspace: Workspace, rule: Promote, tmp_path: Path, change: Callable[[UNetTiny], None]
) -> None:
    """Both files keep the bounds of parity; the gate judges what they find, and moves them."""
    versions = record_exported(workspace, tmp_path / "world", change)
    lenient = rule.model_copy(update={"latency_ratio": 1e9})
    outcome = ask(workspace, versions["fp32"], lenient)
    assert outcome.decision
    assert outcome.verdict == "promoted", outcome.decision.failed
    forced = ask(workspace, versions["int8"], lenient, force=True, reason="as good")
    assert forced.verdict in ("promoted", "forced", "unchanged")
    assert champion(workspace) == versions["int8"]
