"""The pytest plugin of `benchmarks.compat`: traces a package if asked to, and writes the outcome of each test."""

import importlib
import json
import os
import pkgutil
import time
import warnings
from pathlib import Path
from typing import Any

import obs_core
from obs_core.capture import writer
from obs_core.store import sqlite

outcomes: dict[str, str] = {}
texts: dict[str, str] = {}
given: list[tuple[str, str, str, int]] = []
result: dict[str, Any] = {"traced": 0, "missed": [], "tests": outcomes, "texts": texts, "warnings": given}


def import_all(name: str) -> None:
    """Import the package and its modules, without its tests."""
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), f"{name}."):
        if "test" not in module.name and "__main__" not in module.name:
            try:
                importlib.import_module(module.name)
            except BaseException:  # noqa: BLE001, S112 - a module for another system
                continue


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import_all(os.environ["COMPAT_PACKAGE"])
if os.environ["COMPAT_MODE"] == "instrument":
    done = obs_core.instrument(os.environ["COMPAT_PACKAGE"], exclude=("*.tests.*", "*.test.*", "*._tests.*"))
    result["traced"], result["missed"] = len(done.traced), done.missed
began = time.process_time()


def pytest_runtest_logreport(report: Any) -> None:  # noqa: ANN401 - pytest's
    """Remember the worst outcome of the phases of a test, and its output."""
    failed = report.outcome == "failed"
    if report.when == "call" or failed or report.outcome == "skipped":
        outcomes[report.nodeid] = "xfailed" if hasattr(report, "wasxfail") else report.outcome
    if failed:
        texts[report.nodeid] = str(report.longrepr)


def pytest_warning_recorded(warning_message: Any) -> None:  # noqa: ANN401 - as above
    """Remember a warning with its place."""
    file = Path(str(warning_message.filename)).name
    text = str(warning_message.message).split(" at 0x")[0][:100]
    given.append((warning_message.category.__name__, text, file, warning_message.lineno))


def pytest_sessionfinish() -> None:
    """Write the result."""
    result["cpu_s"] = time.process_time() - began
    result.update(written=0, dropped=0, offered=0, last_error="")
    if os.environ["COMPAT_MODE"] == "instrument" and writer.process.writer is not None:
        obs_core.flush(300)
        header = writer.process.writer.spool.header
        log = writer.process.options.log
        result.update(written=header.written, dropped=writer.dropped(), last_error=header.last_error)
        connection = sqlite.connect(Path(log))
        ((result["offered"],),) = connection.execute("SELECT count(*) FROM data_trace").fetchall()
        connection.close()
        result["offered"] = result["offered"] + result["dropped"]
    Path(os.environ["COMPAT_OUT"]).write_text(json.dumps(result))
