"""``blemish score`` on a real Ray cluster of two nodes, one of which is killed."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.scoring_jobs import result_bytes, run_job, write_images, write_model

from blemish.errors import ScoringError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    # Ray leaves its own pipes and log files to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
]

IMAGES = 160


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A cluster whose head offers no processor, and one node with one."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # else a busy machine starves them
    # A node that is gone is noticed within seconds.
    settings = {"health_check_period_ms": 500, "health_check_failure_threshold": 3}
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "_system_config": settings, "include_dashboard": False},
    )
    yield made
    made.shutdown()


def test_a_killed_node_loses_and_doubles_nothing(cluster: object, tmp_path: Path) -> None:
    """Its shards are done again by the node that is left; every byte is the local engine's.

    A cluster without a processor is refused before that.
    """
    source = write_images(tmp_path / "in", IMAGES)
    model = write_model(tmp_path / "model.onnx", turns=3)
    local, out = tmp_path / "local", tmp_path / "out"
    run_job(source, local, model)
    ray = {"engine": "ray", "address": cluster.address}
    with pytest.raises(ScoringError, match="has no processor to score on"):
        run_job(source, out, model, **ray)
    doomed, _ = cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    killer = threading.Thread(target=kill_node, args=(doomed, out / "images"))
    killer.start()
    summary = run_job(source, out, model, **ray)
    killer.join()
    assert summary["run"]["images"] == IMAGES
    assert result_bytes(out) == result_bytes(local)


def kill_node(node: object, images: Path) -> None:
    """Kill a node's raylet once the first shard is done; its workers end with it."""
    end = time.monotonic() + 300
    while not (images.is_dir() and any(images.iterdir())) and time.monotonic() < end:
        time.sleep(0.02)
    node.kill_raylet()


def test_a_cluster_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    """Nothing of the job is lost."""
    source = write_images(tmp_path / "in", 1)
    model = write_model(tmp_path / "model.onnx")
    with pytest.raises(ScoringError, match="No Ray cluster answers at"):
        run_job(source, tmp_path / "out", model, engine="ray", address="127.0.0.1:9")
