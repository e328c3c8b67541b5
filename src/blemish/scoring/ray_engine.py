"""Shards on a Ray cluster, as tasks that carry nothing but the number of a shard.

Tasks, neither actors nor Ray Data: Ray restarts them itself where a worker or a node dies, uses
nodes that join later, and has no reader tasks that a pool of actors could starve (ray #44687). Its
worker processes stay, so each loads the model once.
"""

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from blemish.errors import ScoringError
from blemish.scoring.shard_parts import part_name, read_commit
from blemish.scoring.shard_scorer import Assignment, ShardDone, ShardScorer, ShardTask

_RETRIES = 10  # of a task whose worker or node died
_AHEAD = 2  # tasks submitted for each processor
_CONNECT_S = 5.0
_PATIENCE_S = 30.0  # without any shard done before it is said that the cluster is busy


class RayEngine:
    """A Ray cluster.

    Args:
        assignment: The job.
        address: Address of the cluster, e.g. ``auto`` or ``HOST:6379``; None starts one here.
        cores: Processors of a local one.
        on_done: Told of each shard that is done.
        tell: Told what a person should know, in a sentence.
    """

    def __init__(
        self,
        assignment: Assignment,
        address: str | None,
        cores: int,
        on_done: Callable[[ShardDone], object],
        tell: Callable[[str], object],
    ) -> None:
        self._assignment, self._address, self._cores = assignment, address, cores
        self._on_done, self._tell = on_done, tell

    def run(self, tasks: Iterable[ShardTask]) -> None:
        """Do all shards.

        Raises:
            ScoringError: Ray is not installed, the cluster is too small, or a shard ended eleven
                workers.
            Exception: What a worker raised; shards that were done stay done.
        """
        with _cluster(self._address, self._cores) as ray:
            shared = ray.put(self._assignment)
            remote = ray.remote(num_cpus=1, max_retries=_RETRIES)(score_shard)
            waiting = iter(tasks)
            pending: dict[Any, ShardTask] = {}
            told = time.monotonic()
            while True:
                room = _AHEAD * _processors(ray) - len(pending)
                for _, task in zip(range(room), waiting, strict=False):
                    pending[remote.remote(shared, task)] = task
                if not pending:
                    return
                ready, _ = ray.wait(list(pending), timeout=_PATIENCE_S)
                for reference in ready:
                    self._finish(ray, reference, pending.pop(reference))
                    told = time.monotonic()
                if time.monotonic() - told > _PATIENCE_S:
                    self._tell_waiting(ray)
                    told = time.monotonic()

    def _finish(self, ray: Any, reference: Any, task: ShardTask) -> None:
        try:
            done: ShardDone = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except ray.exceptions.RayError as error:
            raise ScoringError(
                f"Shard {task.shard} ended {_RETRIES + 1} workers of the cluster: {error}. "
                "What was done stays done: run the same command again."
            ) from error
        folder = self._assignment.folder
        if not folder.exists(
            part_name("images", done.shard, read_commit(folder, done.shard).attempt)
        ):
            raise ScoringError(
                f"Shard {done.shard} was written on another machine, where {folder} is another "
                "folder. OUT must be shared by the whole cluster: a network folder, or s3://..."
            )
        self._on_done(done)

    def _tell_waiting(self, ray: Any) -> None:
        free = ray.available_resources().get("CPU", 0)
        total = ray.cluster_resources().get("CPU", 0)
        self._tell(
            f"No shard was finished for {_PATIENCE_S:.0f} s; {free:.0f} of {total:.0f} processors "
            "of the cluster are free."
        )


def score_shard(assignment: Assignment, task: ShardTask) -> ShardDone:
    """Score one shard in a worker process of Ray."""
    return _scorer(assignment).score(task)


@lru_cache(maxsize=1)
def _scorer(assignment: Assignment) -> ShardScorer:
    return ShardScorer(assignment)


def _processors(ray: Any) -> int:
    """Return how many processors the cluster has now.

    Raises:
        ScoringError: None.
    """
    count = int(ray.cluster_resources().get("CPU", 0))
    if count < 1:
        raise ScoringError(
            "The Ray cluster has no processor to score on; at least 1 is needed. Start a node that "
            "offers some: ray start --address HOST:6379 --num-cpus 2"
        )
    return count


@contextmanager
def _cluster(address: str | None, cores: int) -> Iterator[Any]:
    """Connect to a cluster, or start one of this machine and end it afterwards."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ScoringError(
            "Ray is not installed. Install it: pip install -r deploy/locks/ray.txt, or leave out "
            "--engine ray"
        ) from error
    options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if address is None:
        options |= {"num_cpus": cores, "include_dashboard": False}
    try:
        _require_listener(address)
        ray.init(address=address or "local", **options)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        raise ScoringError(
            f"No Ray cluster answers at {address or 'this machine'}: {error}. Name one: --address "
            "HOST:6379"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _require_listener(address: str | None) -> None:
    """Fail within seconds where nobody listens; Ray alone tries for minutes.

    Raises:
        OSError: Nobody does.
    """
    host, _, port = (address or "").rpartition(":")
    if host and "://" not in host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
