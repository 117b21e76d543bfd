"""Changed recordings, read from files, requests and sockets: no crash, no hang, no unbounded memory.

`OBS_FUZZ_S` is how many seconds each target runs, if its cases take less; `OBS_FUZZ_SEED` changes the cases.
"""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("target", "cases"), [("files", 150), ("requests", 150), ("http", 60)])
def test_changed_recordings_are_read_or_refused(target: str, cases: int) -> None:
    command = [sys.executable, "-m", "tests.ingest.fuzz", target, "--cases", str(cases)]
    command += ["--seed", os.environ.get("OBS_FUZZ_SEED", "1"), "--seconds", os.environ.get("OBS_FUZZ_S", "0")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert "Traceback" not in done.stderr  # of the receiver
