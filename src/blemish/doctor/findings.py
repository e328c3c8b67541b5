"""The doctor's words: whom it examines, what it finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from blemish.config import Workspace
from blemish.registry import Registry

Status = Literal["ok", "wrong", "skipped"]


@dataclass(frozen=True)
class Finding:
    """Something wrong, with the command that fixes it."""

    problem: str
    fix: str


@dataclass(frozen=True)
class Result:
    """Result of one check.

    Attributes:
        check: Its name.
        status: ``skipped`` where there is nothing to look at.
        note: Why it was skipped.
        findings: What is wrong; empty unless the status is ``wrong``.
    """

    check: str
    status: Status
    note: str = ""
    findings: tuple[Finding, ...] = ()


class Skip(Exception):  # noqa: N818 - a signal between a check and its caller, no error
    """A check has nothing to look at here; its text says why."""


@dataclass(frozen=True)
class Examined:
    """The checkout under examination, and the registry that it uses.

    Attributes:
        workspace: The checkout; None on a host that only serves.
        named: The registry; None where no store is named.
    """

    workspace: Workspace | None
    named: Registry | None

    @property
    def checkout(self) -> Workspace:
        """The checkout, where there is one."""
        if self.workspace is None:
            raise Skip("no checkout here")
        return self.workspace

    @property
    def registry(self) -> Registry:
        """The registry, where there is one."""
        if self.named is None:
            raise Skip("no store is named; set MLFLOW_TRACKING_URI")
        return self.named


Check = Callable[[Examined], Iterable[Finding]]
