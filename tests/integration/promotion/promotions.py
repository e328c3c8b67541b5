"""What tests of promotion do to a checkout and ask of its registry."""

from integration.tiny_checkout import write_outputs

from blemish.config import Workspace
from blemish.config.promote import Promote
from blemish.promotion.promotion_workflow import Outcome, promote
from blemish.recording import sync
from blemish.registry import Registry


def add(workspace: Workspace, *, skill: float = 0.8, **changes: float) -> int:
    """Record another training over the same data; return its fp32 version."""
    write_outputs(workspace, skill=skill, **changes)  # type: ignore[arg-type]
    return sync.record_workspace(workspace).versions["fp32"]


def ask(workspace: Workspace, ref: object, rule: Promote, **options: object) -> Outcome:
    registry = Registry.connect(workspace=workspace)
    return promote(registry, str(ref), rule, who="Inspector", **options)  # type: ignore[arg-type]


def champion(workspace: Workspace) -> int:
    return Registry.connect(workspace=workspace).aliases()["champion"]
