"""Which modules of ours a script really imports, read from the source, lazy imports included."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"


def module_file(name: str) -> Path | None:
    """Return the file of a module of ours; None when there is none of that name."""
    stem = SOURCE / Path(*name.split("."))
    for candidate in (stem.with_suffix(".py"), stem / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def imported_modules(file: Path) -> Iterator[str]:
    """Yield the full names of our modules that a file imports, packages above them included."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "blemish":
                yield from _with_parents(name)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    for length in range(2, len(parts) + 1):
        module = ".".join(parts[:length])
        if module_file(module):
            yield module


def closure(script: Path, exempt: frozenset[str]) -> set[str]:
    """Return every module of ours that a script reaches, not through the exempt ones."""
    found: set[str] = set()
    waiting = [script]
    while waiting:
        for module in imported_modules(waiting.pop()):
            if module in found or module.split(".")[1] in exempt:
                continue
            found.add(module)
            file = module_file(module)
            if file:
                waiting.append(file)
    return found
