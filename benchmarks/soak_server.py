"""The dashboard of the soak with its children: what it holds, and the faults that it should survive."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from obs_core.store import sqlite
from obs_core.supervisor import status_file
from tests.support.dashboard import ROOT, free_port

_START_S: Final = 120
_GROWTH_MB: Final = 40  # from the second to the last quarter: above it, memory is not flat
_GROWTH_FILES: Final = 20
_CHILDREN: Final = {"receiver": "ingest", "watcher": "watch"}


class Server:
    """The dashboard as a process, and samples of what it and its children hold."""

    def __init__(self, log: Path) -> None:
        """Start it."""
        self.log, self.port, self.receiver_port = log, free_port(), free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._samples: list[tuple[float, int]] = []
        self.start()

    def start(self) -> None:
        """Start the dashboard; what it held before is another process's."""
        self._samples.clear()
        command = [sys.executable, "-m", "obs_core", "serve", "--port", str(self.port), "--log", str(self.log)]
        environment = {**os.environ, "OBS_OTLP_PORT": str(self.receiver_port)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)

    def wait(self) -> None:
        """Wait until it answers and its children run."""
        _wait_for(self._answers, _START_S)
        for name in _CHILDREN.values():
            _wait_for(lambda name=name: self._pid(name) is not None, _START_S)  # type: ignore[misc]

    def sample(self) -> None:
        """Note memory (MB) and open files of the dashboard and its children."""
        with contextlib.suppress(psutil.Error):
            dashboard = psutil.Process(self.process.pid)
            everyone = [dashboard, *dashboard.children(recursive=True)]
            memory = sum(one.memory_full_info().uss for one in everyone) / 1e6
            self._samples.append((memory, dashboard.num_fds()))

    def problems(self) -> list[str]:
        """What grew since the second quarter of the samples, and children that do not run."""
        quarter = len(self._samples) // 4
        problems = [f"the {name} is not back" for name, child in _CHILDREN.items() if self._pid(child) is None]
        if not quarter:
            return problems
        before, after = self._samples[quarter : 2 * quarter], self._samples[-quarter:]
        memory, files = ([median(one[part] for one in samples) for samples in (before, after)] for part in (0, 1))
        print(f"memory {memory[0]:.0f} -> {memory[1]:.0f} MB, open files {files[0]:.0f} -> {files[1]:.0f}")
        if memory[1] - memory[0] > _GROWTH_MB:
            problems.append(f"memory grew by {memory[1] - memory[0]:.0f} MB")
        if files[1] - files[0] > _GROWTH_FILES:
            problems.append(f"{files[1] - files[0]:.0f} more files are open")
        return problems

    def kill(self) -> None:
        """Kill -9 the dashboard; its children end by themselves."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        psutil.wait_procs(children, _START_S)

    def kill_child(self, name: str, back_s: float) -> list[str]:
        """Kill -9 the receiver, the watcher or a worker, and wait until another runs in its place."""
        before = self._worker() if name == "worker" else self._pid(_CHILDREN[name])
        if before is None:
            return [f"there was no {name} to kill"]
        os.kill(before, signal.SIGKILL)

        def is_back() -> bool:
            now = self._worker() if name == "worker" else self._pid(_CHILDREN[name])
            return now not in (None, before)

        return [] if _wait_for(is_back, back_s) else [f"the {name} did not come back in {back_s} s"]

    def stop(self) -> None:
        """End it in order."""
        self.process.terminate()
        self.process.wait(60)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=5):  # noqa: S310 - our own server's
                return True
        except OSError:
            return False

    def _pid(self, name: str) -> int | None:
        child = status_file.children(self.log).get(name)
        return child.pid if child is not None and child.state == "running" else None

    def _worker(self) -> int | None:
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children():
                if "obs_core.query.engine.worker" in child.cmdline():
                    return child.pid
        return None


def hold_lock(log: Path, seconds: float) -> None:
    """Lock the log for writing, as another program may."""
    with contextlib.closing(sqlite.connect(log, write=True)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")


def fill_disk(folder: Path, seconds: float) -> None:
    """Fill the file system of `folder` for a while."""
    filler = folder / "filler"
    try:
        with filler.open("wb") as file:
            while True:
                file.write(bytes(1 << 20))
                file.flush()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        time.sleep(seconds)
    finally:
        filler.unlink()


def _wait_for(holds: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.2)
    return False
