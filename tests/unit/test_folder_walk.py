"""Walking a folder: links are followed once, and whatever is left out is told."""

import os
from pathlib import Path

import pytest

from blemish.folder_walk import walk_folder
from blemish.terminal_text import printable


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_linked_folders_are_read_once(tmp_path: Path) -> None:
    """A link to a folder outside is followed; one that leads back, or in circles, is told."""
    touch(tmp_path / "outside/b.png")
    touch(tmp_path / "root/z/a.png")
    (tmp_path / "root/class").symlink_to(tmp_path / "outside")
    (tmp_path / "root/loop").symlink_to(tmp_path / "root")
    (tmp_path / "root/again").symlink_to(tmp_path / "root/z")
    walk = walk_folder(tmp_path / "root")
    assert [str(path) for path in walk.files] == ["class/b.png", "z/a.png"]
    assert {one.file: one.reason for one in walk.left_out} == {
        "again": "a link to a folder that is read already",
        "loop": "a link to a folder that is read already",
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "thumbnails"),
        ("Thumbs.db", "thumbnails"),
        ("__MACOSX/._a.jpg", "thumbnails"),
        ("._a.jpg", "hidden"),
        (".thumbnails/a.png", "hidden"),
        ("#recycle/a.png", "thumbnails"),
    ],
)
def test_what_storage_systems_write_is_left_out_and_told(
    tmp_path: Path, name: str, reason: str
) -> None:
    """Thumbnails are no photographs."""
    touch(tmp_path / name)
    touch(tmp_path / "a.jpg")
    walk = walk_folder(tmp_path)
    assert [str(path) for path in walk.files] == ["a.jpg"]
    assert len(walk.left_out) == 1
    assert reason in walk.left_out[0].reason


def test_a_broken_link_and_a_name_that_is_not_utf_8_are_told(tmp_path: Path) -> None:
    """Neither stops the walk; the name is spelled out."""
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    touch(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")))
    walk = walk_folder(tmp_path)
    assert [one.reason for one in walk.left_out] == ["a link that leads nowhere"]
    assert [printable(path) for path in walk.files] == ["caf\\xe9.png"]


def test_names_are_printed_without_harm() -> None:
    """Escape codes, bytes of another encoding and lone surrogates are spelled out."""
    assert printable("a\x1b[31m\n\udce9\ud800é") == "a\\x1b[31m\\n\\xe9\\ud800é"


def test_a_folder_that_cannot_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without permission the folder is named with the system's reason; the rest is read."""
    touch(tmp_path / "locked/a.png")
    touch(tmp_path / "open/b.png")
    scandir = os.scandir

    def refuse(folder: Path) -> object:
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    walk = walk_folder(tmp_path)
    assert [str(path) for path in walk.files] == ["open/b.png"]
    assert [(one.file, one.reason) for one in walk.unreadable] == [
        ("locked", "cannot be read: Permission denied")
    ]
