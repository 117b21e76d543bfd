"""What holds under load and faults for a long time: every promised row is there, memory is flat, children come back.

    python -m benchmarks.soak [--minutes 30] [--sessions 10] [--programs 4] [--rate 1000] [--disk FOLDER]

Programs record numbers, a sender posts spans, pages refresh every 5 s, a rule fires. One after another is killed with
kill -9: the dashboard, a program, the receiver, the watcher, a worker. Once the log is locked for 8 s. With --disk,
the log is on that file system, which is filled once: give it a small one of its own (mount -t tmpfs -o size=1g).
A number is promised once its program has written it to a shared page, after `record` returned; a span once the receiver
has answered 200. Exit code 1 if a promise does not hold.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

from benchmarks import soak_load, soak_server
from benchmarks.soak_load import Programs, Sender
from benchmarks.soak_server import Server
from obs_core.cli.main import main as obs_core
from tests.browser.conftest import FLAGS
from tests.browser.prepare import browser

PAGES: Final = ("overview", "trace_explorer", "code_inspector", "alerts", "logs")
FAULTS: Final = ("dashboard", "program", "receiver", "watcher", "worker", "lock", "disk")
_BACK_S: Final = 90  # for a child to be back
_LOCK_S: Final = 8
_DRAINED_S: Final = 120


def main() -> int:
    """Run, and print what was promised and what is there."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--minutes", type=float, default=30.0)
    asked.add_argument("--sessions", type=int, default=10)
    asked.add_argument("--programs", type=int, default=4)
    asked.add_argument("--rate", type=int, default=1_000, help="spans a second")
    asked.add_argument("--disk", type=Path, help="a folder on a small file system that may be filled")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(dir=given.disk) as folder, sync_playwright() as playwright:
        log = Path(folder) / "trace.db"
        obs_core(["rules", "add", "stuck", "stale", "data=soak.stuck", "threshold=50", "--log", str(log)])
        programs, server = Programs(log, Path(folder), given.programs), Server(log)
        sender = Sender(server.receiver_port, given.rate)
        chromium = playwright.chromium.launch(executable_path=browser(), args=list(FLAGS))
        pages = [chromium.new_context().new_page() for _ in range(given.sessions)]
        try:
            server.wait()
            programs.start()
            sender.start()
            problems = _soak(given, server, programs, pages)
        finally:
            sender.stop()
            programs.stop()
            problems_at_end = server.problems()
            server.stop()
            chromium.close()
        obs_core(["drain", "--log", str(log)])
        problems += problems_at_end + soak_load.missing(log, programs.promised(), sender.promised)
    print(*(f"FAILED  {problem}" for problem in problems), sep="\n", end="\n" if problems else "")
    print(f"{'failed' if problems else 'passed'}: {len(problems)} problems")
    return int(bool(problems))


def _soak(given: argparse.Namespace, server: Server, programs: Programs, pages: list[Page]) -> list[str]:
    """Let it run, with the faults evenly over the first half; return what did not hold."""
    problems: list[str] = []
    _open(server, pages)
    start, length_s = time.monotonic(), given.minutes * 60
    faults = [fault for fault in FAULTS if fault != "disk" or given.disk]
    due = [start + length_s / 2 * (index + 1) / len(faults) for index in range(len(faults))]
    end = start + length_s
    while due or time.monotonic() < end:  # on a busy machine faults take longer: none is left out
        if due and time.monotonic() >= due[0]:
            due.pop(0)
            fault = faults[len(faults) - len(due) - 1]
            problems += _inflict(fault, server, programs)
            end = max(end, time.monotonic() + length_s / 2)
            print(f"{time.monotonic() - start:6.0f} s  {fault}", flush=True)
            if fault == "dashboard":
                _open(server, pages)
        for page in pages:
            if page.get_by_test_id("stException").count():
                problems.append(
                    f"{page.url} shows an exception: {page.get_by_test_id('stException').first.inner_text()}"
                )
                page.reload()
        server.sample()
        programs.restart_ended()
        pages[0].wait_for_timeout(1_000) if pages else time.sleep(1)
    return problems


def _open(server: Server, pages: list[Page]) -> None:
    for number, page in enumerate(pages):
        page.goto(f"{server.address}/{PAGES[number % len(PAGES)]}?from=now-5m&every=5s", timeout=120_000)


def _inflict(fault: str, server: Server, programs: Programs) -> list[str]:
    """One fault; return what did not recover from it."""
    if fault == "program":
        programs.kill_one()
    elif fault == "lock":
        soak_server.hold_lock(server.log, _LOCK_S)
    elif fault == "disk":
        soak_server.fill_disk(server.log.parent, _LOCK_S)
    elif fault == "dashboard":
        server.kill()
        server.start()
        server.wait()
    else:
        return server.kill_child(fault, _BACK_S)
    return []


if __name__ == "__main__":
    sys.exit(main())
