"""The pipeline's declarations, the params and the documents say what the code does."""

import ast
import itertools
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from documented_commands import EXECUTED, NOT_EXECUTED, documented_commands
from imports import ROOT, closure, module_file

from blemish.cli import COMMANDS
from blemish.config import Params, load_params
from blemish.config.base import Block

STAGES = ("generate", "preprocess", "train", "finetune", "evaluate", "export")

CANNOT_CHANGE_AN_OUTPUT = {
    "arrays": "names the types of arrays",
    "config": "hands over values that DVC tracks as params",
    "errors": "names what went wrong",
    "exits": "says it and ends the stage",
    "interruption": "lets a server end a run, which no stage does",
    "processes": "ends a stage with its DVC",
    "progress": "shows how far a stage is",
    "recording": "records outputs in MLflow and computes the fingerprint from deps and params",
    "store": "connects to MLflow",
}


def pipeline() -> dict:
    return yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))


def source_deps(stage: str) -> set[Path]:
    deps = [dep for dep in pipeline()["stages"][stage]["deps"] if dep.startswith("src/")]
    files: set[Path] = set()
    for dep in deps:
        path = ROOT / dep
        assert path.exists(), f"{stage}: no {dep}"
        files |= {path} if path.is_file() else set(path.rglob("*.py"))
    return files


def imported_files(stage: str) -> set[Path]:
    exempt = frozenset(CANNOT_CHANGE_AN_OUTPUT)
    modules = closure(ROOT / "stages" / f"{stage}.py", exempt)
    return {file for module in modules if (file := module_file(module)) and has_code(file)}


def has_code(file: Path) -> bool:
    """Tell whether a file holds more than a docstring: an empty ``__init__`` changes nothing."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return any(not isinstance(node, ast.Expr) for node in body)


@pytest.mark.parametrize("stage", STAGES)
def test_deps_cover_every_import(stage: str) -> None:
    """Editing any module that a stage runs makes DVC run the stage again."""
    missing = imported_files(stage) - source_deps(stage)
    assert not missing, [str(file.relative_to(ROOT)) for file in sorted(missing)]


@pytest.mark.parametrize("stage", STAGES)
def test_deps_hold_nothing_else(stage: str) -> None:
    """Editing a module that a stage does not run leaves the stage alone."""
    superfluous = {f for f in source_deps(stage) if has_code(f)} - imported_files(stage)
    assert not superfluous, [str(file.relative_to(ROOT)) for file in sorted(superfluous)]


@pytest.mark.parametrize("stage", STAGES)
def test_deps_name_script_launcher_and_versions(stage: str) -> None:
    """A changed script, launcher or numeric library reruns the stage."""
    deps = pipeline()["stages"][stage]["deps"]
    assert {f"stages/{stage}.py", "stages/run", "deploy/locks/numerics.txt"} <= set(deps)


def test_choosing_real_sets_reruns_no_training() -> None:
    """What ``train`` depends on is the synthetic set alone; preprocess chooses the real ones."""
    stages = pipeline()["stages"]
    data = [dep for dep in stages["train"]["deps"] if dep.startswith("${paths.")]
    assert data == ["${paths.synthetic_splits}"]
    assert not any(
        "preprocess" in key for name in ("generate", "train") for key in stages[name]["params"]
    )


@pytest.mark.parametrize("stage", STAGES)
def test_params_cover_every_read(stage: str) -> None:
    """Each parameter that a stage reads is declared, so that changing it reruns the stage."""
    declared = pipeline()["stages"][stage]["params"]
    reads = set(params_read(ROOT / "stages" / f"{stage}.py"))
    assert reads, f"{stage} reads no params"
    for read in reads:
        assert any(read == key or read.startswith(f"{key}.") for key in declared), read


def params_read(script: Path) -> Iterator[str]:
    """Yield the dotted keys that a script takes from its params, outermost chains only."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    inner = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            words: list[str] = []
            value: ast.expr = node
            while isinstance(value, ast.Attribute):
                words.append(value.attr)
                value = value.value
            if is_params(value):
                yield ".".join(reversed(words))


def is_params(value: ast.expr) -> bool:
    """Tell whether an expression is the name ``params`` or a call of ``load_params``."""
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id == "load_params"
    return isinstance(value, ast.Name) and value.id == "params"


def test_params_file_is_accepted_and_whole() -> None:
    """``params.yaml`` spells out every key that the models know, so that nothing is hidden."""
    load_params(ROOT / "params.yaml")
    written = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert set(model_keys(Params)) <= set(written_keys(written))


def model_keys(block: type[Block], prefix: str = "") -> Iterator[str]:
    for name, field in block.model_fields.items():
        key = f"{prefix}{name}"
        yield key
        if isinstance(field.annotation, type) and issubclass(field.annotation, Block):
            yield from model_keys(field.annotation, f"{key}.")


def written_keys(values: dict, prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        key = f"{prefix}{name}"
        yield key
        if isinstance(value, dict):
            yield from written_keys(value, f"{key}.")


def test_every_param_is_documented() -> None:
    """Each line of ``params.yaml`` that sets a value says what it means, there or just above."""
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    setting = re.compile(r"^\s+[\w-]+:\s*[^#\s]")
    bare = [
        line
        for above, line in itertools.pairwise(lines)
        if setting.match(line) and "#" not in line and not above.strip().startswith("#")
    ]
    assert not bare, bare


def documents() -> list[Path]:
    site = [page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts]
    return [*ROOT.glob("*.md"), *site]


def test_documents_name_commands_that_exist() -> None:
    """Every ``make`` target and ``blemish`` command in a document is one that there is."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    for document in documents():
        code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", document.read_text("utf-8"), re.DOTALL))
        for target in re.findall(r"\bmake ([a-z]+)\b", code):
            assert target in targets, f"{document.name}: make {target}"
        for command in re.findall(r"(?:^|[`/])blemish ([a-z]+)\b", code, flags=re.MULTILINE):
            assert command in COMMANDS, f"{document.name}: blemish {command}"


def test_documents_link_to_files_that_exist() -> None:
    """Every relative link of a document leads somewhere."""
    for document in documents():
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", document.read_text("utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_readme_is_short() -> None:
    """A newcomer reads the README in one sitting."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150


def test_changelog_names_the_version() -> None:
    """The version that the package has is one that the changelog describes."""
    from blemish import __version__

    assert f"[{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_compiled_modules_change_no_hash() -> None:
    """A module that was merely imported is no change to DVC."""
    assert "__pycache__/" in (ROOT / ".dvcignore").read_text(encoding="utf-8").splitlines()


NAMED_TWICE = {
    "export": "a package, and the block of params.yaml that belongs to it",
    "monitor": "the folder of the page /monitor, and the block of params.yaml of that name",
}


def test_each_module_and_class_has_a_name_of_its_own() -> None:
    """A name says what is meant without the folder around it; exceptions are listed above."""
    places: defaultdict[str, set[str]] = defaultdict(set)
    for file in sorted((ROOT / "src" / "blemish").rglob("*.py")):
        module = file.parent if file.name == "__init__.py" else file
        if file.name != "__main__.py" and module.name != "blemish":
            places[module.stem].add(str(module.relative_to(ROOT)))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].add(f"{file.relative_to(ROOT)}:{node.lineno}")
    twice = {name: sorted(where) for name, where in places.items() if len(where) > 1}
    assert twice.keys() == NAMED_TWICE.keys(), twice


def test_documented_commands_are_executed_or_say_why_not() -> None:
    """Each command in a shell block is executed by a test that exists, or listed with a reason."""
    known = EXECUTED | NOT_EXECUTED
    met: set[str] = set()
    for document, command in documented_commands(iter(documents())):
        keys = [key for key in known if f"{command} ".startswith(f"{key} ")]
        assert keys, f"{document.name}: {command}"
        met.add(max(keys, key=len))
    assert met == set(known), set(known) - met
    for test in EXECUTED.values():
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), test


def test_no_setting_of_git_changes_a_source() -> None:
    """Every text file is checked out with LF, whatever ``core.autocrlf`` says: DVC hashes bytes."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--eol"], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert listed
    for line in listed:
        stored, _, attributes, *_ = line.split()
        text = not stored.endswith(("/-text", "/none"))
        assert not text or ("attr/text" in attributes and "eol=lf" in line), line
