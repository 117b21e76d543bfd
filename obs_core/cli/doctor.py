"""`python -m obs_core doctor`: checks what the product needs, and says what to do about each thing that is not well."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from obs_core.cli import argument_types
from obs_core.cli.checks import forwarding, installation, log_file, processes, storage
from obs_core.cli.checks.finding import Finding
from obs_core.clock import now_ns
from obs_core.settings import from_environment, store_url
from obs_core.supervisor import status_file
from obs_core.version import VERSION

_MARKS: Final = {"ok": "ok     ", "warning": "WARNING", "error": "ERROR  "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--log", type=argument_types.log_path, help="the trace log (OBS_LOG, else logs/main_dashboard_logs.db)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print one line for each check; 1 if one of them found an error."""
    log = (options.log or from_environment().log).absolute()
    findings = list(check_all(log))
    has_error = any(finding.state == "error" for finding in findings)
    if options.json:
        checks = [asdict(finding) for finding in findings]
        print(json.dumps({"version": VERSION, "log": str(log), "ok": not has_error, "checks": checks}, indent=1))
        return int(has_error)
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        print(f"{_MARKS[finding.state]}  {finding.check:<{width}}  {finding.text}")
        if finding.hint:
            print(f"{'':9}{'':<{width}}  -> {finding.hint}")
    return int(has_error)


def check_all(log: Path) -> Iterator[Finding]:
    """The findings of all checks."""
    settings, children = from_environment(), status_file.children(log)
    yield from installation.versions()
    yield installation.scanner()
    yield from installation.ports(settings, children)
    yield installation.token(settings)
    yield from log_file.permissions(log)
    yield from log_file.log(log, now_ns())
    yield log_file.writers(log)
    yield storage.sealer(log, now_ns())
    yield storage.size(log)
    yield from storage.store(log, store_url())
    yield from storage.lake(log, settings, now_ns())
    yield from processes.children(children)
    yield from processes.watcher(log)
    yield from forwarding.forwarding(settings, log, children, now_ns())
