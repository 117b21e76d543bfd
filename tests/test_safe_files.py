"""Files and folders next to the log: nobody redirects what is written, and nothing waits for a FIFO."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from obs_core import safe_files

STRANGER = 54_321
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to another user")
PLANTED: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda path, victim: path.symlink_to(victim),
    "link to nothing": lambda path, victim: path.symlink_to(victim.with_name("nothing")),
    "hard link": lambda path, victim: path.hardlink_to(victim),
    "fifo": lambda path, _: os.mkfifo(path),
    "folder": lambda path, _: path.mkdir(),
    "device": lambda path, _: path.symlink_to("/dev/zero"),
    "socket": lambda path, _: socket.socket(socket.AF_UNIX).bind(str(path)),
}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_what_is_no_file_of_ours_is_refused_and_its_target_stays(tmp_path: Path, planted: str) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    path = tmp_path / "state"
    PLANTED[planted](path, victim)
    with pytest.raises(OSError, match=r".") as caught:
        safe_files.open_or_make(path)
    assert caught.value.strerror
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "nothing").exists()


def test_files_and_folders_that_we_make_are_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        safe_files.make_folder(tmp_path / "a" / "log.d")
        os.close(safe_files.open_or_make(tmp_path / "lock"))
        safe_files.replace(tmp_path / "status", b"new")
    finally:
        os.umask(before)
    assert [mode_of(tmp_path / name) for name in ("a/log.d", "lock", "status")] == [0o700, 0o600, 0o600]


@pytest.mark.parametrize(
    ("setting", "folder", "file"),
    [("027", 0o750, 0o640), ("0007", 0o770, 0o660), ("777", 0o700, 0o600), ("x", 0o700, 0o600), ("", 0o700, 0o600)],
)
def test_obs_umask_says_who_else_may_use_new_files(
    setting: str, folder: int, file: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBS_UMASK", setting)
    before = os.umask(0o077)  # the setting decides, whatever the umask of the program is
    try:
        safe_files.make_folder(tmp_path / "log.d")
        os.close(safe_files.make_file(tmp_path / "file"))
        safe_files.replace(tmp_path / "status", b"new")
    finally:
        os.umask(before)
    assert [mode_of(tmp_path / name) for name in ("log.d", "file", "status")] == [folder, file, file]


def test_the_mode_of_what_exists_is_left_alone(tmp_path: Path) -> None:
    folder, file = tmp_path / "log.d", tmp_path / "status"
    folder.mkdir()
    file.write_bytes(b"old")
    folder.chmod(0o775)
    file.chmod(0o640)
    safe_files.make_folder(folder)
    os.close(safe_files.open_or_make(file))
    safe_files.replace(file, b"new")
    assert (mode_of(folder), mode_of(file), file.read_bytes()) == (0o775, 0o640, b"new")


def test_replace_replaces_a_link_and_not_its_target(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "status"
    victim.write_bytes(b"precious")
    path.symlink_to(victim)
    safe_files.replace(path, b"new")
    assert (victim.read_bytes(), path.read_bytes(), path.is_symlink()) == (b"precious", b"new", False)


def test_a_replacement_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "status").mkdir()
    with pytest.raises(OSError, match="directory"):
        safe_files.replace(tmp_path / "status", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["status"]


def test_a_link_or_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.d").symlink_to("real")
    (tmp_path / "file.d").touch()
    for name in ("link.d", "file.d"):
        with pytest.raises(PermissionError, match="link or no folder"):
            safe_files.make_folder(tmp_path / name)


@needs_root
def test_what_another_user_planted_is_refused_unless_the_folder_is_theirs(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (shared / "log.d").mkdir()
    (shared / "state").touch()
    for name in ("log.d", "state"):
        os.chown(shared / name, STRANGER, STRANGER)
    with pytest.raises(PermissionError, match="another user"):
        safe_files.make_folder(shared / "log.d")
    with pytest.raises(PermissionError, match="another user"):
        safe_files.open_or_make(shared / "state")
    os.close(safe_files.open_file(shared / "state", any_owner=True))
    os.chown(shared, STRANGER, STRANGER)
    safe_files.make_folder(shared / "log.d")
    os.close(safe_files.open_or_make(shared / "state"))
