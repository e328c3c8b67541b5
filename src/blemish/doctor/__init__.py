"""What is wrong with this installation, checkout, store or registry, and what fixes it."""

from collections.abc import Iterable, Mapping

from blemish.config import Workspace, find_workspace
from blemish.doctor import checkout, store_check
from blemish.doctor.findings import Check, Examined, Finding, Result, Skip
from blemish.doctor.prediction_log_check import prediction_log
from blemish.doctor.server_check import server
from blemish.errors import WorkspaceError
from blemish.progress import Tell
from blemish.registry import Registry

__all__ = ["CHECKS", "Finding", "Result", "examine"]

CHECKS: Mapping[str, Check] = {
    "environment": checkout.environment,
    "params.yaml": checkout.params,
    "dvc.lock": checkout.lock,
    "outputs": checkout.outputs,
    "DVC cache": checkout.cache,
    "locks": checkout.locks,
    "store": store_check.store,
    "registry": store_check.registry,
    "model cache": store_check.model_cache,
    "prediction log": prediction_log,
    "server": server,
}


def examine(
    workspace: Workspace | None = None,
    only: Iterable[str] = CHECKS,
    tell: Tell = lambda _: None,
) -> tuple[Result, ...]:
    """Make the checks.

    Args:
        workspace: The checkout; found from the working directory by default.
        only: Names of the checks to make.
        tell: Called with the name of each check as it begins.

    Returns:
        One result for each check, in order.
    """
    examined = _find(workspace)
    results = []
    for name in only:
        tell(name)
        results.append(_make(name, examined))
    return tuple(results)


def _make(name: str, examined: Examined) -> Result:
    try:
        findings = tuple(CHECKS[name](examined))
    except Skip as reason:
        return Result(name, "skipped", str(reason))
    except Exception as error:  # noqa: BLE001 - the edge of one check; the others are still made
        said = f"this check ended by an unexpected {type(error).__name__}: {error}"
        return Result(name, "wrong", findings=(Finding(said, "blemish --debug doctor"),))
    return Result(name, "wrong" if findings else "ok", findings=findings)


def _find(workspace: Workspace | None) -> Examined:
    try:
        workspace = workspace or find_workspace()
    except WorkspaceError:
        workspace = None
    try:
        return Examined(workspace, Registry.connect(workspace=workspace))
    except WorkspaceError:
        return Examined(workspace, None)
