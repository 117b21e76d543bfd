"""The status file of child processes, written by several dashboards."""

import os
from dataclasses import replace
from pathlib import Path

from obs_core.process_identity import birth_of
from obs_core.supervisor import status_file
from obs_core.supervisor.state import Child

OWN = Child("ingest", "running", 5, os.getpid(), birth_of(os.getpid()) or 0, pid=77, address="http://127.0.0.1:4318")
PARENT = replace(OWN, dashboard=os.getppid(), birth=birth_of(os.getppid()) or 0)


def test_a_status_that_is_written_is_read_until_it_is_removed(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    assert status_file.children(log) == {}
    status_file.write(log, OWN)
    assert status_file.children(log) == {"ingest": OWN}
    status_file.remove(log, OWN)
    assert status_file.children(log) == {}


def test_with_two_dashboards_the_running_child_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    taken = replace(PARENT, state="port in use", address=None, last_error="Port 4318 is in use.")
    for order in ((OWN, taken), (taken, OWN)):
        for child in order:
            status_file.write(log, child)
        assert status_file.children(log) == {"ingest": OWN}
    status_file.remove(log, OWN)
    assert status_file.children(log) == {"ingest": taken}


def test_a_dead_dashboard_is_not_shown_and_is_removed_at_the_next_change(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    status_file.write(log, replace(OWN, birth=OWN.birth + 1))  # its pid belongs to another program now
    assert status_file.children(log) == {}
    status_file.write(log, replace(OWN, name="watch"))
    assert '"ingest"' not in (tmp_path / "trace.db.d" / "children.json").read_text("utf-8")


def test_an_invalid_file_is_ignored_and_replaced(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    status_file.write(log, OWN)
    for text in ("", "[]", "{", '{"children": [{"name": 1}]}', '{"children": 5}', "\x00"):
        (tmp_path / "trace.db.d" / "children.json").write_text(text, "utf-8")
        assert status_file.children(log) == {}
    status_file.write(log, OWN)
    assert status_file.children(log) == {"ingest": OWN}
