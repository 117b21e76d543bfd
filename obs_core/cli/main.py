"""Reads the command and hands over to its module; a command's imports are paid only when it runs."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from obs_core.errors import ObsError

COMMANDS: Final = {
    "ask": "ask a question of the log: json, csv or a table",
    "import": "read trace files into the log",
    "export": "write rows of the log as OTLP, Jaeger JSON or CSV",
    "drain": "move what killed programs left in their spools into the log",
    "ingest": "receive traces, logs and metrics from OpenTelemetry programs (OTLP over HTTP)",
    "watch": "follow the log: judge alert rules, recover what dead programs left",
    "rules": "list, add, test and remove alert rules",
    "webhooks": "say who gets told of alerts: list, add, test, remove, and the log of deliveries",
    "demo": "record a small real program, so that there is something to look at",
}
_MODULES: Final = {"import": "importing"}
USAGE_ERROR: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (2 for what the caller can mend)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="python -m obs_core", description="Trace Python programs, and look at them.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in words if word in COMMANDS), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
        if name == chosen:
            module = importlib.import_module(f"obs_core.cli.{_MODULES.get(name, name)}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    options = parser.parse_args(words)
    try:
        return int(options.run(options))
    except ObsError as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
