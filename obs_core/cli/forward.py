"""`python -m obs_core forward`: sends the log's rows to an endpoint of OTLP over HTTP, until it is stopped."""

import argparse
import json
import os
import signal
import sys
import threading

from obs_core import heartbeat
from obs_core.cli import argument_types
from obs_core.errors import BadParameter
from obs_core.forward import forwarder
from obs_core.settings import from_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--log", type=argument_types.log_path, help="the trace log (OBS_LOG, else logs/main_dashboard_logs.db)"
    )
    parser.add_argument("--once", action="store_true", help="send what is there, and end")
    parser.add_argument("--child", action="store_true", help="report readiness as JSON, and end with standard input")


def run(arguments: argparse.Namespace) -> int:
    """Forward until a signal arrives, the parent ends, or with --once all is sent."""
    settings = from_environment()
    if not settings.forward:
        raise BadParameter("OBS_FORWARD is not set.", "Write OBS_FORWARD=http://collector:4318 and so on.")
    log = (arguments.log or settings.log).absolute()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if arguments.child:
        threading.Thread(target=_end_with_parent, args=(stop,), daemon=True).start()
        heartbeat.start()
        print(json.dumps({"address": str(log)}), flush=True)
    forwarder.forward(log, settings, stop, _report_as_child if arguments.child else _report, once=arguments.once)
    return 0


def _report(sentence: str) -> None:
    print(sentence, flush=True)


def _report_as_child(sentence: str) -> None:
    """Report all but the start, which the supervisor knows."""
    if not sentence.startswith("Forwarding "):
        print(sentence, flush=True)


def _end_with_parent(stop: threading.Event) -> None:
    """Wait for the end of standard input: the system closes it with the parent, even if that is killed."""
    while os.read(sys.stdin.fileno(), 4096):
        continue
    stop.set()
