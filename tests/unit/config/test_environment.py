"""The environment as people set it: accepted where it is clear, else a sentence."""

from pathlib import Path

import pytest

from blemish.config import settings
from blemish.errors import ParamsError


def test_upper_case_and_empty_values_are_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """A level in capitals is that level; an empty variable counts as not set."""
    monkeypatch.setenv("BLEMISH_LOG_LEVEL", "INFO")
    for name in ("BLEMISH_WORKERS", "BLEMISH_LOG_URL", "MLFLOW_TRACKING_URI", "BLEMISH_CACHE"):
        monkeypatch.setenv(name, "")
    found = settings()
    assert found.log_level == "info"
    assert found.workers >= 1
    assert found.log_url is found.tracking_uri is None
    assert found.cache != Path()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BLEMISH_LOG_LEVEL", "loud"),
        ("BLEMISH_WORKERS", "many"),
        ("BLEMISH_WORKERS", "0"),
        ("BLEMISH_KEEP_IMAGES", "perhaps"),
    ],
)
def test_a_value_that_is_not_accepted_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The sentence names the variable and the value that came."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ParamsError, match=f"{name}: got '{value}'"):
        settings()


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a home folder the cache has no place; the sentence names the variable."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", staticmethod(homeless))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("BLEMISH_CACHE", raising=False)
    with pytest.raises(ParamsError, match="BLEMISH_CACHE="):
        settings()
    monkeypatch.setenv("BLEMISH_CACHE", "elsewhere")
    assert settings().cache == Path("elsewhere")
