"""A stage runs the source of the checkout that it stands in, whichever copy that is."""

from pathlib import Path

import pytest
from pipeline.checkouts import Checkout, copy_checkout

SHOUT = '\nprint("this very line was edited")\n'


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which a line of the package was changed and committed."""
    copy = copy_checkout(tmp_path_factory.mktemp("edited") / "checkout")
    with (copy.root / "src/blemish/synthesis/__init__.py").open("a") as module:
        module.write(SHOUT)
    copy.git("commit", "-q", "-a", "-m", "Shout")
    return copy


@pytest.mark.parametrize("extra", [(), ("--temp",)], ids=["in place", "temporary copy"])
def test_experiment_runs_the_edited_source(edited: Checkout, extra: tuple[str, ...]) -> None:
    """The edited line takes effect in an experiment, in the workspace and in a DVC copy."""
    seed = str(100 + len(extra))
    output = edited.run("dvc", "exp", "run", *extra, "-S", f"generate.seed={seed}", "generate")
    assert "this very line was edited" in output.text


def test_worktree_runs_its_own_source(edited: Checkout, tmp_path: Path) -> None:
    """A git worktree runs its source with the main checkout's interpreter."""
    edited.git("worktree", "add", "-q", str(tmp_path / "tree"), "HEAD")
    tree = Checkout(tmp_path / "tree")
    program = edited.root / ".venv" / "bin" / "dvc"
    output = Checkout(tree.root).run(str(program), "repro", "generate", "--force")
    assert "this very line was edited" in output.text
    assert not (tree.root / "mlflow.db").exists()
