"""Annotation files of any content: imported, or refused in sentences, never a traceback."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.tiny_sources import make_coco, make_labelme, make_run_lengths, make_yolo

from blemish.errors import DataError
from blemish.importing.import_plan import Source
from blemish.importing.importer import import_source

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["", "..", "/etc/passwd", "a\\b", "\ud800", "x" * 300, "NaN"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


def places(document: Any, here: tuple = ()) -> list[tuple]:
    """Return the path of every value in a document."""
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    found = [here] if here else []
    for key, value in inner:
        nested = isinstance(value, (dict, list))
        found += places(value, (*here, key)) if nested else [(*here, key)]
    return found


def put(document: Any, path: tuple, value: Any) -> Any:
    changed = copy.deepcopy(document)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


@pytest.fixture(scope="module", params=[make_coco, make_labelme])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz") / "source"
    folder.mkdir()
    request.param(folder)
    return folder


def refuses_or_imports(source: Path) -> None:
    target = source.parent / "real" / "tiny"
    shutil.rmtree(target, ignore_errors=True)
    try:
        images = import_source(Source(source, "tiny"), target)[0]
    except DataError as refusal:
        said = str(refusal)
        assert said.encode()
        assert not target.exists()
    else:
        assert len(images)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_json_of_any_content(source: Path, data: st.DataObject) -> None:
    """One value of a COCO or LabelMe file is replaced by anything that JSON holds."""
    (path,) = source.rglob("*.json")
    before = path.read_bytes()
    document = json.loads(before)
    where = data.draw(st.sampled_from(places(document)))
    path.write_text(json.dumps(put(document, where, data.draw(VALUES))))
    try:
        refuses_or_imports(source)
    finally:
        path.write_bytes(before)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=60))
@pytest.mark.parametrize("make", [make_yolo, make_run_lengths], ids=["yolo", "run lengths"])
def test_text_of_any_content(
    make: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory, tail: bytes
) -> None:
    """Any bytes stand at the end of a label file or a table."""
    folder = tmp_path_factory.mktemp("text") / "source"
    folder.mkdir()
    make(folder)
    path = next(p for p in sorted(folder.rglob("*")) if p.suffix in {".txt", ".csv"})
    path.write_bytes(path.read_bytes() + b"\n" + tail)
    refuses_or_imports(folder)
