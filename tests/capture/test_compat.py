"""A traced program is never changed: every case of `compat_cases.py` gives the same with tracing and without.

On this Python and on each newer one that the machine has (`pyenv`, or `python3.12` and `python3.13` on the path).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from obs_core.capture.drain import recovery
from obs_core.paths import folder_of
from obs_core.store import sqlite

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).with_name("compat_cases.py")


def interpreters() -> list[str]:
    """This Python, and the newest of each later version."""
    others = {}
    for version in ("3.12", "3.13"):
        installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        if path := str(installed[-1]) if installed else shutil.which(f"python{version}"):
            others[version] = path
    return [sys.executable, *others.values()]


def output(python: str, log: Path, disabled: str) -> str:
    """What the cases print, on both outputs, with their warnings."""
    environment = {
        **os.environ,
        "OBS_LOG": str(log),
        "OBS_DISABLED": disabled,
        "OBS_EXIT_S": "60",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [python, "-Wdefault", str(CASES)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: Path(path).parents[1].name)
def test_every_case_gives_the_same_with_tracing_and_without(tmp_path: Path, python: str) -> None:
    log = tmp_path / "trace.db"
    expected, traced = output(python, log, "1"), output(python, log, "0")
    assert len(expected.splitlines()) > 15
    assert traced.splitlines() == expected.splitlines()
    recovery.recover(folder_of(str(log)), log)
    connection = sqlite.connect(log)
    try:
        ((rows,),) = connection.execute("SELECT count(*) FROM data_trace WHERE function LIKE 'compat_cases.%'")
    finally:
        connection.close()
    assert rows > 50
