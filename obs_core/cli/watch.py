"""`python -m obs_core watch`: follows the log, evaluates alert rules and sends notifications, until it is stopped."""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from obs_core import heartbeat
from obs_core.alerts.deliver import dispatcher
from obs_core.archive import space
from obs_core.archive.background import BackgroundSealer, Retention
from obs_core.archive.limits import Keep
from obs_core.cli import argument_types
from obs_core.errors import BadParameter
from obs_core.lake import address
from obs_core.lake.background import BackgroundLake
from obs_core.settings import Settings, from_environment
from obs_core.watch import loop
from obs_core.watch.needed import needed_id

SEALS: Final = ("auto", "all")
"""The settings of the archive with which the watcher makes one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--log", type=argument_types.log_path, help="the trace log (default: OBS_LOG, else logs/main_dashboard_logs.db)"
    )
    parser.add_argument(
        "--tick", type=argument_types.seconds, default=loop.TICK_S, help="seconds between two reads of the log"
    )
    parser.add_argument("--child", action="store_true", help="report readiness as JSON, and end with standard input")


def run(arguments: argparse.Namespace) -> int:
    """Follow the log until a signal arrives or the parent ends."""
    settings = from_environment()
    log = (arguments.log or settings.log).absolute()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if arguments.child:
        threading.Thread(target=_end_with_parent, args=(stop,), daemon=True).start()
        heartbeat.start()
        print(json.dumps({"address": str(log)}), flush=True)
    report = _report_as_child if arguments.child else _report
    keep = _keep(settings, log)
    retention = None if keep.everything else Retention(keep, needed_id)
    store = _store(settings, report)
    recorder = space.Recorder(log, keep.max_bytes, is_default=settings.max_bytes is None)
    with (
        dispatcher.deliver_in_background(settings) as deliver,
        BackgroundSealer(report, retention=retention, others=settings.archive == "all") as sealer,
        BackgroundLake(report, store.shown if store else "") as lake,
    ):
        callbacks = [deliver, recorder.after_tick, *([sealer.after_tick] if settings.archive in SEALS else [])]
        callbacks += [lake.after_tick] if store else []
        loop.watch(log, stop, report, callbacks, tick_s=arguments.tick, max_series=settings.max_series)
    return 0


def _store(settings: Settings, report: Callable[[str], None]) -> address.Address | None:
    """The shared lake to which the log is written, if there is one; a setting that can't be read is reported."""
    try:
        return address.of_setting(settings.store)
    except BadParameter as error:
        report(f"{error.message} {error.hint}")
        return None


def _keep(settings: Settings, log: Path) -> Keep:
    """What retention keeps: as the settings say; without one for the size, what the disk has space for."""
    if settings.archive not in SEALS:
        return Keep()
    max_bytes = space.default_max_bytes(log) if settings.max_bytes is None else settings.max_bytes or None
    return Keep(settings.keep_ns, settings.keep_archive_ns, settings.keep_rollups_ns, max_bytes)


def _report(sentence: str) -> None:
    print(sentence, flush=True)


def _report_as_child(sentence: str) -> None:
    """Report all but the start, which the supervisor knows."""
    if not sentence.startswith("Following "):
        print(sentence, flush=True)


def _end_with_parent(stop: threading.Event) -> None:
    """Wait for the end of standard input: the system closes it with the parent, even if that is killed."""
    while os.read(sys.stdin.fileno(), 4096):
        continue
    stop.set()
