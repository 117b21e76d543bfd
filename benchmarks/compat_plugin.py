"""The pytest plugin of `benchmarks.compat`: traces a package or its tests, and writes what each test did.

Mode `instrument` traces the package, mode `trace` puts `@trace` on each function of the test modules, mode `plain`
neither. Garbage is collected before and after each test, so that warnings of finalizers belong to the same test in
each mode; the time for that is not counted.
"""

import ast
import gc
import importlib
import itertools
import json
import os
import pkgutil
import re
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import _pytest.assertion.rewrite as rewriting

import obs_core
from obs_core.capture.writer import dropped, process
from obs_core.store import sqlite

MODE: Final = os.environ["COMPAT_MODE"]
PACKAGE: Final = os.environ["COMPAT_PACKAGE"]
TESTS: Final = os.environ["COMPAT_TESTS"]
_UNSTABLE: Final = re.compile(r"\b0x[0-9a-f]+|\d+")
_TIME: Final = re.compile(r"\d\d:\d\d:\d\d")
_FREEZE_EVERY: Final = 50

tests: dict[str, dict[str, Any]] = {}
result: dict[str, Any] = {"traced": 0, "missed": [], "tests": tests, "cpu_s": 0.0}
frames: Final = itertools.count()
collected_s = [0.0, 0.0]


def import_all(name: str) -> None:
    """Import the package and its modules, without its tests."""
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), f"{name}.", lambda _: None):
        if not re.search(r"\btest(s|ing)?\b|_tests|__main__|conftest", module.name):
            try:
                importlib.import_module(module.name)
            except BaseException:  # noqa: BLE001, S112 - a module for another system
                continue


def counted(make: Callable[..., Any]) -> Callable[..., Any]:
    """Each frame calls one such function once: the rows that are offered."""

    def counting(*arguments: Any) -> Any:  # noqa: ANN401 - any function
        next(frames)
        return make(*arguments)

    return counting


class Decorating(ast.NodeTransformer):
    """Puts `@trace` on each function, next to it and on its first line."""

    def visit_FunctionDef(self, node: Any) -> Any:  # noqa: ANN401 - ast's
        """Add the decorator to a function and those inside, except overloads."""
        self.generic_visit(node)
        if not any(ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list):
            decorator = ast.parse("__import__('obs_core').trace", mode="eval").body
            for part in ast.walk(decorator):
                ast.copy_location(part, node)
            node.decorator_list.append(decorator)
            result["traced"] += 1
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - ast's


def decorate_tests() -> None:
    """Put `@trace` on each function of the modules that pytest rewrites below the folder of the tests."""
    rewrite = rewriting.rewrite_asserts

    def rewrite_and_decorate(tree: ast.Module, source: bytes, path: str | None = None, config: Any = None) -> None:  # noqa: ANN401
        rewrite(tree, source, path, config)
        if path is not None and path.startswith(TESTS):
            Decorating().visit(tree)

    rewriting.rewrite_asserts = rewrite_and_decorate  # type: ignore[assignment]


def count_frames() -> None:
    """Count each row where it gets its checksum. No module of ours is held here: that would change how Python ends."""
    for name in ("traced_function", "call"):
        module = importlib.import_module(f"obs_core.capture.calls.{name}")
        vars(module)["encode_frame"] = counted(vars(module)["encode_frame"])
        if tools := vars(module).get("_TOOLS"):
            tools["adler32"] = counted(tools["adler32"])


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import_all(PACKAGE)
count_frames()
if MODE == "instrument":
    done = obs_core.instrument(PACKAGE, exclude=("*.tests.*", "*.test.*", "*._tests.*"))
    result["traced"], result["missed"] = len(done.traced), done.missed
elif MODE == "trace":
    decorate_tests()
try:
    import hypothesis
except ImportError:
    pass
else:
    hypothesis.settings.register_profile("compat", deadline=None, derandomize=True, database=None)
    hypothesis.settings.load_profile("compat")


def name_of(nodeid: str) -> str:
    """The name of a test without a time of day, which differs in each run."""
    return _TIME.sub("#", nodeid)


def entry(nodeid: str) -> dict[str, Any]:
    """What is known of a test."""
    return tests.setdefault(name_of(nodeid), {"outcome": "", "warnings": [], "output": [], "text": ""})


def stable(text: str) -> str:
    """`text` without numbers, addresses, and the stacks of all threads that pytest-timeout prints."""
    return _UNSTABLE.sub("#", text.partition("~ Stack of ")[0].strip("+~ \n"))


def collect_garbage() -> None:
    """Run the finalizers of what the test before has left."""
    began, collected_s[1] = time.process_time(), collected_s[1] + 1
    gc.collect()
    if collected_s[1] % _FREEZE_EVERY == 0:
        gc.freeze()
    collected_s[0] += time.process_time() - began


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Run only the tests named in COMPAT_ONLY, if it names any."""
    if only := json.loads(os.environ["COMPAT_ONLY"]):
        items[:] = [item for item in items if name_of(item.nodeid) in only]


def pytest_collection_finish() -> None:
    """Leave all that is there before the first test out of the collections."""
    gc.collect()
    gc.freeze()
    result["cpu_s"] = -time.process_time()


def pytest_runtest_setup() -> None:
    """As it says."""
    collect_garbage()


def pytest_runtest_teardown() -> None:
    """As it says."""
    collect_garbage()


def pytest_runtest_logreport(report: Any) -> None:  # noqa: ANN401 - pytest's
    """Remember the worst outcome of the phases of a test, and its output."""
    test, failed = entry(report.nodeid), report.outcome == "failed"
    if report.when == "call" or failed or report.outcome == "skipped":
        test["outcome"] = f"x{report.outcome}" if hasattr(report, "wasxfail") else report.outcome
    test["output"] += [f"{name}: {stable(text)}" for name, text in report.sections if f"{report.when}" in name]
    if failed:
        test["text"] = str(report.longrepr)[-3000:]


def pytest_collectreport(report: Any) -> None:  # noqa: ANN401 - as above
    """Remember a module that can't be imported."""
    if report.failed:
        entry(f"collect {report.nodeid}").update(outcome="failed", text=str(report.longrepr)[-3000:])


def pytest_warning_recorded(warning_message: Any, nodeid: str) -> None:  # noqa: ANN401 - as above
    """Remember a warning with its file and line."""
    file = "/".join(Path(str(warning_message.filename)).parts[-2:])
    text = stable(str(warning_message.message))[:200]
    entry(nodeid)["warnings"].append(f"{file}:{warning_message.lineno}: {warning_message.category.__name__}: {text}")


def pytest_sessionfinish() -> None:
    """Write the result."""
    result.update(rows=0, written=0, dropped=0, last_error="", offered=next(frames))
    if process.writer is not None:
        result["flushed"] = obs_core.flush(300)
        header = process.writer.spool.header
        result.update(written=header.written, dropped=dropped(), last_error=header.last_error)
        connection = sqlite.connect(Path(process.options.log))
        sql = "SELECT count(*) FROM data_trace JOIN run ON run.id = run_id WHERE pid = ?"
        ((result["rows"],),) = connection.execute(sql, (os.getpid(),)).fetchall()
        connection.close()
    gc.unfreeze()
    result["cpu_s"] += time.process_time() - collected_s[0]
    Path(os.environ["COMPAT_OUT"]).write_text(json.dumps(result))
