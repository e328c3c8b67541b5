"""The record while a training stage runs: every epoch goes to MLflow as it ends.

A run is opened by fingerprint, so a killed training finds its own run again, and finetune the run
that train opened; where DVC skipped train, finetune opens the run and records train's curves.
A store that is lost on the way is said once and costs nothing: ``blemish sync`` adds the curves
later.
"""

import logging
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from blemish.config import Workspace
from blemish.errors import StoreError
from blemish.recording.curves import curve_files, log_curves, read_epochs
from blemish.recording.dvc_files import param_value
from blemish.recording.fingerprint import TRAINING_STAGES
from blemish.recording.runs import logged_steps, open_by_fingerprint
from blemish.store.connection import Store, connect
from blemish.store.run_params import flatten

if TYPE_CHECKING:
    from mlflow.entities import Metric

    from blemish.training.listener import EpochResult

_log = logging.getLogger(__name__)


class RunListener:
    """A listener of training that writes its curves to one run.

    Args:
        store: Where.
        run_id: Which run.
        known: Steps of ``val_dice`` that the run has from before a kill.
        offset: Epochs before the first one of this stage.
    """

    def __init__(
        self, store: Store, run_id: str, known: frozenset[int], *, offset: int = 0
    ) -> None:
        self.run_id = run_id
        self._store = store
        self._known = known
        self._offset = offset
        self._lost = False

    def on_start(self, total_epochs: int, resumed_from: int | None) -> None:
        """Nothing to write: the run is open already."""

    def on_batch(self, done: int, total: int, loss: float) -> None:
        """Nothing to write: batches are for the progress bar."""

    def on_epoch(self, result: "EpochResult") -> None:
        """Write the metrics of one epoch, unless a killed run has written them."""
        step = result.epoch + self._offset
        if step in self._known:
            return
        values = {
            "train_loss": result.train_loss,
            "val_loss": result.val_loss,
            "val_dice": result.val_dice,
            "learning_rate": result.learning_rate,
            "epoch_seconds": result.seconds,
        }
        self._write(_metrics(values, step))

    def on_end(self) -> None:
        """Mark the run as finished; export closes it with its record."""
        self._finish("FINISHED")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Mark the run as failed where training raised."""
        if kind is not None:
            self._finish("KILLED" if issubclass(kind, KeyboardInterrupt) else "FAILED")

    def _write(self, metrics: "list[Metric]") -> None:
        if self._lost:
            return
        try:
            with self._store.calling("Recording an epoch") as client:
                client.log_batch(self.run_id, metrics=metrics)
        except StoreError as error:
            self._give_up(error)

    def _finish(self, status: str) -> None:
        if self._lost:
            return
        try:
            with self._store.calling("Ending the run") as client:
                client.set_terminated(self.run_id, status)
        except StoreError as error:
            self._give_up(error)

    def _give_up(self, error: StoreError) -> None:
        """Say once that the store is lost; training goes on."""
        self._lost = True
        _log.warning("%s\nTraining goes on. Record it afterwards: blemish sync", error)


def open_run(
    workspace: Workspace, fingerprint: str, stage: Literal["train", "finetune"] = "train"
) -> RunListener:
    """Open the run of a training, or find the one that an earlier stage or a killed one left.

    Args:
        workspace: The checkout that trains.
        fingerprint: From :func:`blemish.recording.fingerprint.training_fingerprint`.
        stage: The stage that asks.

    Raises:
        StoreUnreachableError: The store does not answer; nothing has been done yet.
    """
    store = connect(workspace)
    params = flatten({name: param_value(workspace, name) for name in TRAINING_STAGES})
    before = read_epochs(curve_files(workspace)[0]) if stage == "finetune" else ()
    with store.writing():
        run_id = open_by_fingerprint(store, workspace, fingerprint, params).run_id
        if before:
            log_curves(store, run_id, before)
        known = logged_steps(store, run_id, "val_dice")
        return RunListener(store, run_id, known, offset=len(before))


def _metrics(values: Mapping[str, float], step: int) -> "list[Metric]":
    """Build what MLflow logs in one call, all with the same time and step."""
    from mlflow.entities import Metric  # noqa: PLC0415 - the store has imported MLflow by now

    now = int(time.time() * 1000)
    return [Metric(key, float(value), now, step) for key, value in values.items()]
