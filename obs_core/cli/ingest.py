"""`python -m obs_core ingest`: receives OTLP over HTTP and gRPC until it is stopped."""

import argparse
import json
import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Final

from obs_core import heartbeat, settings
from obs_core.capture import options as capture
from obs_core.cli import argument_types
from obs_core.errors import LogUnreadable, NotALog, PermanentFailure, SchemaTooNew
from obs_core.ingest.receiver.intake import Intake
from obs_core.ingest.receiver.listener import Listener
from obs_core.store import log
from obs_core.tokens import check_listening

_LAST_S: Final = 10  # after the end of the parent; rows that are not in the log by then are safe in the spool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "--log", type=argument_types.log_path, help="the trace log (OBS_LOG, else logs/main_dashboard_logs.db)"
    )
    parser.add_argument("--host", help="the address to listen on (OBS_OTLP_HOST, else 127.0.0.1)")
    parser.add_argument(
        "--port", type=argument_types.port, help="the port to listen on, 0 for any free one (OBS_OTLP_PORT, else 4318)"
    )
    parser.add_argument(
        "--grpc-port", type=argument_types.port, help="the port for gRPC, 0 for none (OBS_OTLP_GRPC_PORT, else 4317)"
    )
    parser.add_argument(
        "--insecure", action="store_true", help="listen beyond this machine without a token (OBS_INSECURE=yes)"
    )
    parser.add_argument(
        "--child", action="store_true", help="print the address as JSON, and exit when standard input ends"
    )


def run(arguments: argparse.Namespace) -> int:
    """Receive until a signal, or until the parent process ends."""
    environment = settings.from_environment()
    receiver_settings = replace(
        environment,
        log=(arguments.log or environment.log).absolute(),
        otlp_host=arguments.host or environment.otlp_host,
        otlp_port=environment.otlp_port if arguments.port is None else arguments.port,
        otlp_grpc_port=_grpc_port(arguments, environment),
    )
    insecure = arguments.insecure or environment.insecure
    if warning := check_listening(receiver_settings.otlp_host, receiver_settings.otlp_token, insecure=insecure):
        print(warning, file=sys.stderr, flush=True)
    _check(receiver_settings.log)
    intake = Intake(
        capture.from_environment()._replace(log=str(receiver_settings.log), process="obs_core ingest", group=None)
    )
    listener = Listener(receiver_settings, intake)
    if listener.warning:
        print(listener.warning, file=sys.stderr, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: listener.stop())  # uvicorn raises it again after stopping
    if arguments.child:
        threading.Thread(target=_end_with_parent, args=(listener,), daemon=True).start()
        print(json.dumps({"address": listener.address}), flush=True)
        heartbeat.start()
    else:
        by_grpc = f", and by gRPC at {listener.grpc.address}," if listener.grpc else ""
        print(f"Receiving OTLP at {listener.address}{by_grpc} into {receiver_settings.log}", flush=True)
    threading.Thread(target=intake.recover, daemon=True).start()
    listener.run()
    return 0


def _grpc_port(arguments: argparse.Namespace, environment: settings.Settings) -> int:
    """The port for gRPC: as given, else as set; without both, only the default port for HTTP has one next to it."""
    if arguments.grpc_port is not None:
        return int(arguments.grpc_port)
    other_port = arguments.port not in (None, settings.OTLP_PORT)
    return 0 if other_port and environment.otlp_grpc_port == settings.OTLP_GRPC_PORT else environment.otlp_grpc_port


def _check(path: Path) -> None:
    """Refuse to receive for a log that can only be read: the rows would stay in the spool for ever."""
    try:
        if path.exists():
            log.open_log(path).close()
    except (NotALog, SchemaTooNew) as error:
        raise PermanentFailure(error.message, error.hint) from error
    except LogUnreadable:
        return  # locked now; the drain retries


def _end_with_parent(listener: Listener) -> None:
    """Stop at the end of standard input: the parent holds its other end, which closes even if the parent is killed."""
    while os.read(sys.stdin.fileno(), 4096):
        continue
    listener.stop()
    threading.Event().wait(_LAST_S)
    os._exit(0)
