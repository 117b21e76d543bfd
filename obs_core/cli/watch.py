"""`python -m obs_core watch`: follows the log, judges alert rules and tells webhooks, until it is stopped."""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from obs_core.alerts.deliver import dispatcher
from obs_core.settings import from_environment
from obs_core.watch import loop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--log", type=Path, help="the trace log (OBS_LOG, else logs/main_dashboard_logs.db)")
    parser.add_argument("--tick", type=float, default=loop.TICK_S, help="seconds between two looks at the log")
    parser.add_argument("--child", action="store_true", help="tell that it runs as JSON, and end with standard input")


def run(arguments: argparse.Namespace) -> int:
    """Follow until a signal comes, or the parent ends."""
    settings = from_environment()
    log = (arguments.log or settings.log).absolute()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if arguments.child:
        threading.Thread(target=_end_with_parent, args=(stop,), daemon=True).start()
        print(json.dumps({"address": str(log)}), flush=True)
    with dispatcher.deliver_in_background(settings) as tell:
        loop.watch(log, stop, _quietly if arguments.child else _say, after_tick=[tell], tick_s=arguments.tick)
    return 0


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def _quietly(sentence: str) -> None:
    """As a child: what is usual is not worth a line in the dashboard's output."""
    if not sentence.startswith("Following "):
        print(sentence, flush=True)


def _end_with_parent(stop: threading.Event) -> None:
    """The parent holds the other end of standard input, and the system closes it also when the parent is killed."""
    while os.read(sys.stdin.fileno(), 4096):
        continue
    stop.set()
