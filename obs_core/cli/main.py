"""Parses the command name and runs its module; only that module is imported."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from obs_core.errors import ObsError

COMMANDS: Final = {
    "ask": "answer a question about the log as JSON, CSV or a table",
    "import": "import trace files into the log",
    "export": "export rows of the log as OTLP, Jaeger JSON or CSV",
    "archive": "seal the log's older rows into Parquet files, and check them",
    "drain": "move rows left in the spools of killed programs into the log",
    "ingest": "receive traces, logs and metrics from OpenTelemetry programs (OTLP over HTTP)",
    "watch": "follow the log: evaluate alert rules, send notifications, recover the spools of killed programs",
    "rules": "list, add, test and remove alert rules",
    "webhooks": "list, add, test and remove webhooks, and show their delivery log",
    "demo": "record a small real program as sample data",
}
_MODULES: Final = {"import": "importing"}
USAGE_ERROR: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (2 for errors that the user can fix)."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="python -m obs_core", description="Trace Python programs and explore them.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    selected = next((argument for argument in argv if argument in COMMANDS), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == selected:
            module = importlib.import_module(f"obs_core.cli.{_MODULES.get(name, name)}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    options = parser.parse_args(argv)
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
