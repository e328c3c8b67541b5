"""The commands of the documents: the test that executes each, or the reason why none does."""

import re
from collections.abc import Iterator
from pathlib import Path

_STORY = (
    "integration/promotion/test_promotion_workflow.py::test_the_whole_story_on_the_command_line"
)
_VIEWS = "pipeline/test_repro.py::test_dvc_shows_its_views"
_USERS = "unit/dashboard/test_user_file.py::test_the_dashboard_binds_nowhere_else_without_a_login"
_DEPLOYED = "integration/test_deployment.py::test_the_commands_work_together"

EXECUTED = {
    "blemish history": _STORY,
    "blemish import": "integration/test_import.py::test_an_import_is_tracked_told_and_repeatable",
    "blemish keys add": "integration/server/test_keys.py::test_keys_on_the_command_line",
    "blemish models": "pipeline/test_repro.py::test_repro_registers_two_versions_and_a_champion",
    "blemish predict": "pipeline/test_repro.py::test_prediction_from_the_registry",
    "blemish promote": _STORY,
    "blemish rollback": _STORY,
    "blemish score": "integration/scoring/test_score.py::test_the_command_line",
    "blemish score s3://line/2026": (
        "integration/scoring/test_score_s3.py::test_source_and_out_are_object_stores"
    ),
    "blemish serve --root-path": "integration/server/test_proxy.py::test_the_examples_work",
    "blemish start": "integration/test_start.py::test_a_version_becomes_a_start",
    "blemish suggest": "unit/test_suggestions.py::test_the_command_lists_and_draws",
    "blemish sync": "pipeline/test_repro.py::test_lost_store_comes_back_once",
    "blemish users add": _USERS,
    "curl": "integration/server/test_bodies.py::test_images_come_back_when_asked_for",
    "docker compose -f deploy/compose.yaml": _DEPLOYED,
    "dvc exp run": "pipeline/test_repro.py::test_temporary_experiment_records_in_the_root",
    "dvc exp show": _VIEWS,
    "dvc metrics diff": _VIEWS,
    "dvc plots diff": _VIEWS,
    "dvc pull": "drills/test_pipeline.py::restored",
    "dvc remote add": "drills/test_pipeline.py::restored",
    "dvc repro": "pipeline/conftest.py::reproduced",
    "make dashboard": "integration/test_deployment.py::test_commands_are_known",
    "make repro": "pipeline/conftest.py::reproduced",
    "dvc commit": "pipeline/test_repro.py::test_outputs_of_ones_own_stay_after_a_commit",
    "torchrun": "integration/test_torchrun.py::test_two_processes_train_as_one_does",
}
"""By the words that a command begins with: where it is executed, its program or what it calls."""

NOT_EXECUTED = {
    "dvc exp run --queue": "starts a service that outlives a test; --temp runs the same copy",
    "dvc exp run -S train.device=cuda": "no GPU is at hand in every run",
    "dvc push": "the drill's remote is the cache itself, to which nothing needs to be pushed",
    "dvc queue start": "starts a service that outlives a test",
    "export": "sets a variable for the commands that follow",
    "git": "git itself",
    "make check": "runs this test",
    "make format": "would change the source under test",
    "make test": "runs this test",
    "pip install": "needs the network",
    "sh deploy/locks/audit": "needs the network",
    "sh deploy/locks/compile": "needs the network, and would change the locks",
    "ray start": "the test starts its cluster in its own process, by Ray's own class for tests",
}
"""By the words that a command begins with: why no test executes it."""


def documented_commands(documents: Iterator[Path]) -> Iterator[tuple[Path, str]]:
    """Yield the commands in the shell blocks of documents, one for each part of a line."""
    for document in documents:
        for block in re.findall(r"```sh\n(.*?)```", document.read_text("utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                for part in re.split(r"&&|;", re.sub(r"(^|\s)#.*", "", line)):
                    words = part.split()
                    while words and words[0] in {"do", "then"}:
                        words = words[1:]
                    if words and words[0] not in {"for", "done"}:
                        yield document, " ".join(words).replace(".venv/bin/", "")
