"""Whatever params.yaml and the environment hold, they are read or refused by a sentence."""

import os
import random
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest
from fuzzing import fuzz, fuzz_for_minutes
from imports import ROOT
from pydantic import AliasChoices

from blemish.config import Settings, load_params, settings
from blemish.errors import BlemishError, ParamsError
from blemish.monitoring.database import log_url, open_database
from blemish.store.location import locate

_NAMES = sorted(
    alias
    for name, field in Settings.model_fields.items()
    for alias in (
        [str(choice) for choice in field.validation_alias.choices]
        if isinstance(field.validation_alias, AliasChoices)
        else [str(field.validation_alias or f"BLEMISH_{name.upper()}")]
    )
)
_ODD_TEXT = (
    "", "nan", "-1", "0", "1e999", "true", "yes", "\udcff", "\x1b[2J", "x" * 5_000, "/dev/null/x",
    "..", "~", "http://[", "http://h:99999999/", "sqlite:///", "{}", "[1]", "\n", "\u202e",
)  # fmt: skip
_ODD_URLS = (
    "foo://x", "://", "sqlite://:abc@h:x/f", "sqlite:////proc/none/x.db", "sqlite:////dev/full",
    f"sqlite:///{'a' * 5_000}", "postgresql+none://h/x", "sqlite+none:///x", "\udcff", "sqlite",
)  # fmt: skip
_PARAMS = (ROOT / "params.yaml").read_bytes()
_ODD_YAML = (
    b"!!python/object/apply:os.system [id]", b"&a [*a]", b"{a: {a: {a: {}}}}", b"[" * 900,
    b".nan", b"-.inf", b"1e999", b"2024-01-01", b"0x10", b"0o17", b"'", b"|", b"~", b"\xff",
    b"\x00", b"yes", b"[]", b"-1", b"99999999999999999999999", b"1_000", b"!!binary aGk=",
    b"&a [1,1]\n  b: [*a,*a]", b"? [x]\n: 1",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the mutated file lies."""
    return tmp_path_factory.mktemp("params")


def _check_params(data: bytes, rng: random.Random, folder: Path) -> None:
    lines = data.split(b"\n")
    if rng.random() < 0.6:
        lines = _PARAMS.split(b"\n")
        for _ in range(rng.choice((1, 1, 3))):
            number = rng.randrange(len(lines))
            key, colon, _rest = lines[number].partition(b":")
            lines[number] = key + colon + b" " + rng.choice(_ODD_YAML)
    path = folder / "params.yaml"
    path.write_bytes(b"\n".join(lines))
    try:
        load_params(path)
    except ParamsError as error:
        assert str(path) in str(error)  # noqa: PT017 - other cases must not raise


def _check_environment(data: bytes, rng: random.Random) -> None:
    text = os.fsdecode(data.replace(b"\0", b""))
    changed = {name: rng.choice((rng.choice(_ODD_TEXT), text)) for name in rng.sample(_NAMES, k=3)}
    with patch.dict(os.environ, changed):
        try:
            found = settings()
            str(locate(uri=found.tracking_uri or "sqlite:////x.db"))
            log_url(found)
        except BlemishError as error:
            str(error).encode("utf-8", "backslashreplace")


ENVIRONMENT = [b"http://127.0.0.1:5000", b"sqlite:///a.db", b"4", b"/tmp/x", b"info"]


@pytest.mark.parametrize("url", _ODD_URLS)
def test_odd_addresses_of_the_log_are_sentences(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that names no database of ours is a typed error."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BlemishError):
        open_database(url)


def test_mutated_settings_for_seconds(folder: Path) -> None:
    """Some hundred mutated params and environments."""
    check_params = partial(_check_params, folder=folder)
    assert fuzz([_PARAMS], check_params, seed=29, cases=150, seconds=15).slowest_s < 5.0
    assert fuzz(ENVIRONMENT, _check_environment, seed=31, cases=500, seconds=10).slowest_s < 5.0


@pytest.mark.drill
@pytest.mark.timeout(4000)
@pytest.mark.parametrize("kind", ["params", "environment"])
def test_mutated_settings_for_minutes(kind: str, folder: Path) -> None:
    """As many as fit into some minutes, by a seed of the day; it is printed."""
    seeds, check = {
        "params": ([_PARAMS], partial(_check_params, folder=folder)),
        "environment": (ENVIRONMENT, _check_environment),
    }[kind]
    fuzz_for_minutes(kind, seeds, check)
