"""Parses the command name and runs its module; only that module is imported."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from obs_core.cli import unexpected
from obs_core.errors import ObsError
from obs_core.version import VERSION

COMMANDS: Final = {
    "serve": "start the dashboard",
    "ask": "answer a question about the log as JSON, CSV or a table",
    "import": "import trace files into the log",
    "export": "export rows of the log as OTLP, Jaeger JSON or CSV",
    "compare-logs": "read rows by plain SQL and as the pages do, and report every difference",
    "archive": "seal the log's older rows into Parquet files, and check them",
    "prune": "delete rows that are not to be kept (OBS_KEEP, OBS_MAX_SIZE), or say which",
    "backup": "copy a log with its archive, alerts and rules to one file, while everything runs",
    "restore": "unpack a copy that backup wrote",
    "lake": "write the log to a lake that several hosts share, and say how far each is",
    "verify": "check a log, its alerts and its archive; exit code 1 if something is wrong",
    "drain": "move rows left in the spools of killed programs into the log",
    "ingest": "receive traces, logs and metrics from OpenTelemetry programs (OTLP over HTTP)",
    "watch": "follow the log: evaluate alert rules, send notifications, recover the spools of killed programs",
    "forward": "send the log's rows on to an OpenTelemetry collector or service (OTLP over HTTP)",
    "rules": "list, add, test and remove alert rules",
    "webhooks": "list, add, test and remove webhooks, and show their delivery log",
    "demo": "record a small real program as sample data",
    "doctor": "check the installation, the log, its writers, the disk and the ports",
}
_MODULES: Final = {"import": "importing", "compare-logs": "compare_logs"}
USAGE_ERROR: Final = 2
INTERRUPTED: Final = 130
EXIT_CODES: Final = {
    0: "done",
    1: "done, but a part of it failed: a test message, rows that could not be moved, a finding, a difference",
    USAGE_ERROR: "an error; standard error says which",
    65: "ingest, watch: the log can never be used; forward: a setting can't be used",
    98: "ingest, serve: another program listens on the port",
    INTERRUPTED: "stopped by Ctrl-C",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (2 for errors), see `EXIT_CODES`. No error leaves it."""
    unexpected.tolerate_any_text()
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()  # here, so that a full disk has a sentence too
    except ObsError as error:
        unexpected.say(f"{error.message} {error.hint}".strip())
        code = error.exit_code
    except BrokenPipeError:
        unexpected.discard_output(sys.stdout)
        return USAGE_ERROR
    except KeyboardInterrupt:
        unexpected.say("Stopped.")
        return INTERRUPTED
    except ModuleNotFoundError as error:
        code = _not_installed(error)
    except Exception as error:  # noqa: BLE001 - the one door: a person gets a sentence, whatever happened
        unexpected.report(error)
        code = USAGE_ERROR
    return _flushed(code)


def _flushed(code: int) -> int:
    """The exit code, once what was printed has been written; 2 if it can't be."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        unexpected.discard_output(sys.stdout)
        return USAGE_ERROR
    return code


def _not_installed(error: ModuleNotFoundError) -> int:
    """Name the package that is missing, unless it is one of ours."""
    if (error.name or "obs_core").startswith("obs_core"):
        unexpected.report(error)
    else:
        unexpected.say(f"This command needs the package {error.name}. Run: pip install 'obs-core[dashboard]'")
    return USAGE_ERROR


def module_of(command: str) -> str:
    """The module that implements a command."""
    return f"obs_core.cli.{_MODULES.get(command, command)}"


def _run(argv: list[str]) -> int:
    """Parse the arguments, and run the command that they name."""
    is_script = Path(sys.argv[0]).stem == "obs-core"
    parser = argparse.ArgumentParser(
        prog="obs-core" if is_script else "python -m obs_core", description="Trace Python programs and explore them."
    )
    parser.add_argument("--version", action="version", version=f"obs-core {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    selected = next((argument for argument in argv if argument in COMMANDS), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == selected:
            module = importlib.import_module(module_of(name))
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    options = parser.parse_args(argv)
    return int(options.run(options))
