"""``params.yaml`` as people break it: a sentence with the place, never a traceback."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from imports import ROOT

from blemish.config import load_params
from blemish.errors import ParamsError

Edit = Callable[[bytes], bytes]


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """A copy of the project's own params."""
    return Path(shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml"))


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (lambda text: text.replace(b"# What", b"# Was f\xfcr", 1), "line 1: the byte 0xFC is not"),
        (lambda text: text.replace(b"  seed:", b"  seed: 1\n  seed:", 1), 'duplicate key "seed"'),
        (lambda text: text.replace(b"real_sets: []", b"real_sets: [2024-06-01]"), "quote it: "),
        (lambda text: text.replace(b"real_sets: []", b"real_sets: ["), "not valid YAML"),
        (lambda text: b"\t" + text, "not valid YAML"),
        (lambda text: text.replace(b"images: 4000", b"images: yes"), "generate.images: got 'yes'"),
        (lambda _: b"", "generate: missing"),
        (lambda _: b"- a\n", "got ['a']"),
        (lambda _: b"a: 1e9999999999999999\n? [x]\n: 1\n", ""),
    ],
)
def test_a_mistake_is_a_sentence_with_its_place(params: Path, edit: Edit, sentence: str) -> None:
    """Whatever is wrong with the file, the message names it and the file."""
    params.write_bytes(edit(params.read_bytes()))
    with pytest.raises(ParamsError) as caught:
        load_params(params)
    assert sentence in str(caught.value)
    assert str(params) in str(caught.value)


def test_numbers_mean_what_dvc_takes_them_for(params: Path) -> None:
    """``010`` is ten for DVC (YAML 1.2), so it is ten here, not eight."""
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("images: 4000", "images: 010"), encoding="utf-8")
    assert load_params(params).generate.images == 10
