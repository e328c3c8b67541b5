"""How Sphinx builds the documentation site: ``make docs``.

Everything that can be read from the code is read from the code: the command line, the HTTP API, the
errors and the Python API have no second description. The site loads nothing from the network.
"""

import sys
from pathlib import Path

from sphinx.application import Sphinx

from blemish import __version__
from blemish.problem_kinds import ProblemKind

HERE = Path(__file__).parent

project = "Blemish"
project_copyright = "the authors of Blemish, Apache-2.0"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Blemish"
html_static_path: list[str] = []
html_show_sourcelink = False
html_copy_source = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True


def write_problems(app: Sphinx) -> None:
    """Write the table of the HTTP API's problems, which a page of the reference includes."""
    del app
    lines = ["| type | status | title |", "| --- | --- | --- |"]
    lines += [f"| `{kind.uri}` | {kind.status} | {kind.title} |" for kind in ProblemKind]
    generated = HERE / "_build" / "generated"
    generated.mkdir(parents=True, exist_ok=True)
    (generated / "problems.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_rates(app: Sphinx) -> None:
    """Write what a rate of images a second needs, which the page on scoring includes."""
    del app
    sys.path.insert(0, str(HERE))
    from rates import rates_table  # noqa: PLC0415  # beside this file, which is no package

    generated = HERE / "_build" / "generated"
    generated.mkdir(parents=True, exist_ok=True)
    (generated / "rates.md").write_text("\n".join(rates_table()) + "\n", encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Register the generated tables."""
    app.connect("builder-inited", write_problems)
    app.connect("builder-inited", write_rates)
