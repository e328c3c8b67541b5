"""The file of the API keys: whose it is, and what it says when it holds something else."""

import os
from pathlib import Path

import pytest

from blemish.errors import ServiceError
from blemish.server.api_keys import KeyFile, KeyRing


def test_no_moment_shows_the_keys_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is its owner's alone before it takes its name, whatever the umask is."""
    modes: list[int] = []
    plain = Path.replace

    def replace(self: Path, target: Path) -> Path:
        modes.append(self.stat().st_mode & 0o777)
        return plain(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    before = os.umask(0)
    try:
        file = KeyFile(tmp_path / "keys.json")
        file.add("line-1")
        file.revoke("line-1")
    finally:
        os.umask(before)
    assert modes == [0o600, 0o600]
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys.json", "keys.json.lock"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"\0" * 100, b"[]", b"null", b'{"keys": [1]}', b"[" * 100_000, b"{"],
)
def test_other_bytes_are_a_sentence(tmp_path: Path, content: bytes) -> None:
    """A key file that is none is named with what to do; nobody new is let in by it."""
    path = tmp_path / "keys.json"
    ring = KeyRing(KeyFile(path))
    token = KeyFile(path).add("line-1")
    assert ring.find(token)
    path.write_bytes(content)
    for attempt in (KeyFile(path).read, lambda: KeyFile(path).add("line-2")):
        with pytest.raises(ServiceError, match=r"is corrupt\. Restore it"):
            attempt()
    assert ring.required
    assert ring.find(token)
    assert not ring.find("blm_other")
    assert "corrupt" in (ring.fault or "")
    assert not KeyRing(KeyFile(path), required=True).find(token)


def test_a_folder_in_its_place_is_a_sentence(tmp_path: Path) -> None:
    """What cannot be read is said, and who must be able to."""
    (tmp_path / "keys.json").mkdir()
    with pytest.raises(ServiceError, match="cannot be read"):
        KeyFile(tmp_path / "keys.json").read()
