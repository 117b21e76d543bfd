"""What a program used: processor time and memory, without the memory of the process that started it.

Linux hands the largest memory of a process on to the program that replaces it, so a child of a large test process
counts as large itself. A small Python process in between keeps that figure out.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

WRAPPER: Final = """
import json, os, subprocess, sys
program = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(program.pid, 0)
memory = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
with open(sys.argv[1], "w") as report:
    json.dump([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, memory], report)
"""


class Used(NamedTuple):
    """How a program ended: its exit code, its error output, its processor time in seconds and its memory in bytes."""

    code: int
    error: str
    time_s: float
    memory: int


def of(command: list[str], report: Path) -> Used:
    """Run `command` to its end; `report` is a path that the figures may be written to."""
    wrapped = [sys.executable, "-I", "-S", "-c", WRAPPER, str(report), *command]
    ended = subprocess.run(wrapped, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    code, time_s, memory = json.loads(report.read_text())
    return Used(code, ended.stderr.decode(), time_s, memory)
