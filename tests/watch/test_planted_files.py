"""Files of the watcher and the supervisor in a folder where another user plants links: no write follows one."""

import os
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from obs_core.alerts import ledger
from obs_core.errors import ObsError
from obs_core.series import snapshot
from obs_core.store import role_lock
from obs_core.supervisor import status_file as children
from obs_core.supervisor.state import Child
from obs_core.watch import status_file
from obs_core.watch.status_file import Fault

STRANGER = 12_345
CHILD = Child("watch", "running", 1, os.getpid(), 0)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to another user")


def _lock(log: Path) -> None:
    with role_lock.held(log, role_lock.WATCHER) as holder:
        assert holder is None


def _ledger(log: Path) -> None:
    with closing(ledger.open_ledger(log)):
        return


def _series(log: Path) -> None:
    with closing(snapshot.open_series(log)):
        return


WRITES: dict[str, Callable[[Path], None]] = {
    "trace.db.d/children.json": lambda log: children.write(log, CHILD),
    "trace.db.d/children.lock": lambda log: children.write(log, CHILD),
    "trace.db.d/watch.json": lambda log: status_file.write(log, [Fault("lock", "x", 1, 1)]),
    "trace.db.d/watch.lock": _lock,
    "trace.db.alerts.db": _ledger,
    "trace.db.rollup.db": _series,
}


@pytest.mark.parametrize("name", WRITES)
def test_new_files_and_folders_are_for_their_owner_only(tmp_path: Path, name: str) -> None:
    WRITES[name](tmp_path / "trace.db")
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    folder = tmp_path / "trace.db.d"
    assert not folder.exists() or stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", [name for name in WRITES if "children.lock" not in name])
def test_the_mode_of_an_existing_file_stays(tmp_path: Path, name: str) -> None:
    log = tmp_path / "trace.db"
    WRITES[name](log)
    (tmp_path / name).chmod(0o640)
    WRITES[name](log)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o640


@needs_root
@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("exists", [True, False])
def test_no_write_follows_a_planted_link(tmp_path: Path, name: str, *, exists: bool) -> None:
    target = tmp_path / "of_victim"
    if exists:
        target.write_text("mine")
    shared = tmp_path / "shared"
    (shared / "trace.db.d").mkdir(parents=True)
    for folder in (shared, shared / "trace.db.d"):
        folder.chmod(0o1777)
    (shared / name).symlink_to(target)
    os.lchown(shared / name, STRANGER, STRANGER)
    with suppress(OSError, ObsError):
        WRITES[name](shared / "trace.db")
    assert (target.read_text() if exists else target.exists()) == ("mine" if exists else False)
