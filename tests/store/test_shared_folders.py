"""The log in a folder that other users may write to: it is for its owner only, and no link of theirs is followed."""

import os
import stat
from pathlib import Path

import pytest

import obs_core
from obs_core.capture import writer
from obs_core.errors import LogUnreadable
from obs_core.store import log, sqlite

STRANGER = 54_321
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to another user")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder like /tmp."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def traced(path: Path) -> None:
    """Write a row of this process into the log at `path`."""
    before = writer.process.options
    obs_core.configure(log=path, spool_mb=0.5, exit_s=0.5)
    obs_core.record("x", 1)
    modes[:] = [mode_of(file) for file in sorted(path.parent.rglob("*"))]
    writer.end()
    obs_core.configure(**before._asdict())


modes: list[int] = []


def test_a_log_and_its_spools_are_for_their_owner_only(shared: Path) -> None:
    before = os.umask(0)
    try:
        traced(shared / "trace.db")
    finally:
        os.umask(before)
    assert set(modes) == {0o700, 0o600}
    assert [(path.name, mode_of(path)) for path in sorted(shared.iterdir())] == [
        ("trace.db", 0o600),
        ("trace.db.d", 0o700),
    ]


def test_an_existing_log_keeps_its_mode_and_its_wal_has_the_same(shared: Path) -> None:
    path = shared / "trace.db"
    path.touch()
    path.chmod(0o664)
    connection = log.open_log(path)
    connection.execute("INSERT INTO superseded VALUES (1)")
    assert [mode_of(file) for file in sorted(shared.iterdir())] == [0o664] * 3
    connection.close()


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_a_link_with_the_name_of_a_side_file_is_never_written_through(shared: Path, end: str) -> None:
    victim = shared.with_name("victim")
    victim.write_bytes(b"precious")
    Path(f"{shared / 'trace.db'}{end}").symlink_to(victim)
    with pytest.raises(LogUnreadable, match="it is a link"):
        log.open_log(shared / "trace.db")
    traced(shared / "trace.db")
    assert victim.read_bytes() == b"precious"


def test_a_log_that_is_a_link_of_the_user_is_followed(shared: Path) -> None:
    (shared / "trace.db").symlink_to(shared.with_name("real.db"))
    traced(shared / "trace.db")
    connection = sqlite.connect(shared.with_name("real.db"))
    assert connection.execute("SELECT count(*) FROM data_trace").fetchone() == (1,)
    connection.close()


@needs_root
@pytest.mark.parametrize("planted", ["link", "link to nothing", "file"])
def test_what_another_user_planted_as_the_log_is_refused(shared: Path, planted: str) -> None:
    victim, path = shared.with_name("victim"), shared / "trace.db"
    if planted == "file":
        path.touch()
    else:
        path.symlink_to(victim)
        if planted == "link":
            victim.touch()
    os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    traced(path)
    assert not victim.exists() or not victim.stat().st_size
    assert not path.exists() or not path.stat().st_size


@needs_root
def test_a_folder_for_spools_that_another_user_planted_is_not_used(shared: Path) -> None:
    folder = shared / "trace.db.d"
    folder.mkdir()
    os.chown(folder, STRANGER, STRANGER)
    traced(shared / "trace.db")
    assert list(folder.iterdir()) == []
    connection = sqlite.connect(shared / "trace.db")
    assert connection.execute("SELECT count(*) FROM data_trace").fetchone() == (1,)
    connection.close()


def test_a_link_as_the_folder_for_spools_is_not_followed(shared: Path) -> None:
    elsewhere = shared.with_name("elsewhere")
    elsewhere.mkdir()
    (shared / "trace.db.d").symlink_to(elsewhere)
    traced(shared / "trace.db")
    assert list(elsewhere.iterdir()) == []
