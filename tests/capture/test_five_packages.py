"""Calls of real packages under `instrument`: as many as `sys.setprofile` sees, on each Python that the machine has."""

import json
import os
import subprocess
import tarfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from obs_core.store import sqlite
from tests.capture.test_compat import interpreters

ROOT = Path(__file__).parents[2]
MISSED = {"dateutil.tz.gettz: an object of type GettzFunc", "dateutil.tz.tz.gettz: an object of type GettzFunc"}


def printed(python: str, mode: str, folder: Path) -> Any:  # noqa: ANN401 - JSON
    """What the program prints; its packages are those of this Python."""
    installed = {
        Path(spec.origin).parents[1] for name in ("jinja2", "dateutil") if (spec := find_spec(name)) and spec.origin
    }
    environment = {
        **os.environ,
        "OBS_LOG": str(folder / "trace.db"),
        "OBS_EXIT_S": "60",
        "PYTHONPATH": os.pathsep.join(map(str, [ROOT, folder / "sqlparse-0.6.1", *installed])),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [python, "-W", "ignore", str(Path(__file__).with_name("five_packages.py")), mode]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: Path(path).parents[1].name)
def test_every_function_has_as_many_calls_as_setprofile_sees(tmp_path: Path, python: str) -> None:
    with tarfile.open(ROOT / "tests" / "data" / "pyprog" / "sqlparse-0.6.1.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    expected = {(file, line): calls for file, line, _name, calls in printed(python, "profile", tmp_path)}
    missed = printed(python, "trace", tmp_path)
    assert set(missed) == MISSED
    connection = sqlite.connect(tmp_path / "trace.db")
    try:
        rows = connection.execute(
            "SELECT file, line, count(*) FROM data_trace JOIN code ON code.id = code_id GROUP BY 1, 2"
        ).fetchall()
    finally:
        connection.close()
    recorded = {(file, line): calls for file, line, calls in rows}
    assert len(expected) > 650
    assert sum(expected.values()) > 30_000
    assert {key: recorded.get(key) for key in expected if recorded.get(key) != expected[key]} == {}
