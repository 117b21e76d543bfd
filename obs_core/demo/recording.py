"""Records the demo: one program per instrument, in parallel, into one log.

One of the programs is deployed again at half time, in a release with a function that got slower.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from obs_core.demo import releases
from obs_core.demo.feeds import FEEDS
from obs_core.errors import ObsError

DEPLOYED: Final = "email-pod"
"""The station that runs the second release from half time on."""

_GRACE_S: Final = 30.0
_POLL_S: Final = 0.2


def record(log: Path, seconds: float, on_progress: Callable[[float], None] = lambda _: None) -> None:
    """Run every station for `seconds` and wait; `on_progress` gets the elapsed seconds every 0.2 s.

    Raises:
        ObsError: a station failed; its last line of output is in the message.
    """
    stations = {
        name: _started(log, name, seconds / 2 if name == DEPLOYED else seconds, releases.FIRST) for name in FEEDS
    }
    first, deployed = stations[DEPLOYED], False
    start = time.monotonic()
    try:
        while any(station.poll() is None for station in stations.values()):
            passed = time.monotonic() - start
            if not deployed and first.poll() == 0:
                first.communicate()
                stations[DEPLOYED] = _started(log, DEPLOYED, max(seconds - passed, seconds / 4), releases.SECOND)
                deployed = True
            if passed > seconds + _GRACE_S:
                raise ObsError("The demo did not end in time.", "Check whether the disk is full or the log is locked.")
            on_progress(min(passed, seconds))
            time.sleep(_POLL_S)
    finally:
        stderr_of = {name: _stopped(station) for name, station in stations.items()}
    for name, station in stations.items():
        if station.returncode:
            last = (stderr_of[name].strip().splitlines() or ["no output"])[-1]
            raise ObsError(f"The station {name} stopped: {last}", "Run it by hand: python -m obs_core.demo.station.")


def _started(log: Path, name: str, seconds: float, version: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "obs_core.demo.station", name, str(seconds), version],
        env={**os.environ, "OBS_LOG": str(log.absolute()), "OBS_DISABLED": ""},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _stopped(station: subprocess.Popen[str]) -> str:
    """Stop the station if it still runs; return what it wrote to stderr."""
    if station.poll() is None:
        station.terminate()
    return station.communicate()[1]
