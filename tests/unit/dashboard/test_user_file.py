"""Who may log in to the dashboard."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from blemish.cli import program
from blemish.dashboard.user_file import UserFile
from blemish.errors import ServiceError


def test_a_password_is_kept_as_a_hash_that_its_owner_alone_reads(tmp_path: Path) -> None:
    """The right password is accepted, any other and any other name refused; the text is nowhere."""
    file = UserFile(tmp_path / "state" / "users.json")
    file.add("Ada", "correct horse battery")
    assert file.accepts("Ada", "correct horse battery")
    assert not file.accepts("Ada", "correct horse batter")
    assert not file.accepts("Bob", "correct horse battery")
    assert "correct" not in file.path.read_text()
    assert file.path.stat().st_mode & 0o777 == 0o600
    file.remove("Ada")
    assert file.names() == ()


def test_what_is_not_accepted_is_said(tmp_path: Path) -> None:
    """A short password, a name of nothing and a corrupt file are sentences."""
    file = UserFile(tmp_path / "users.json")
    with pytest.raises(ServiceError, match="10 or more"):
        file.add("Ada", "short")
    with pytest.raises(ServiceError, match="printable"):
        file.add("\x1b[31m", "long enough to pass")
    file.path.write_bytes(b"\xff{")
    with pytest.raises(ServiceError, match="blemish users add NAME"):
        file.names()


def test_the_dashboard_binds_nowhere_else_without_a_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond loopback it refuses to start while nobody can log in, and names the command."""
    monkeypatch.setenv("BLEMISH_USERS_FILE", str(tmp_path / "users.json"))
    monkeypatch.setenv("BLEMISH_DASHBOARD_LOGIN", "0")
    monkeypatch.setattr("blemish.dashboard.streamlit_process.start", lambda *_: None)
    refused = CliRunner().invoke(program, ["dashboard", "--host", "0.0.0.0"])
    assert refused.exit_code == 1
    assert "blemish users add NAME" in str(refused.exception)
    password = "long enough to pass\n"
    added = CliRunner().invoke(program, ["users", "add", "Ada"], input=password * 2)
    assert added.exit_code == 0, added.output
    assert CliRunner().invoke(program, ["dashboard", "--host", "0.0.0.0"]).exit_code == 0
