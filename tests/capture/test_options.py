import os
import subprocess
import sys
from pathlib import Path

import pytest

from obs_core.capture.options import from_environment
from obs_core.store import sqlite

ROOT = Path(__file__).parents[2]
RESOURCE = "service.name=shop,service.instance.id=shop%2D1,service.version=2.1,vcs.ref.head.revision=abc"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"OTEL_RESOURCE_ATTRIBUTES": RESOURCE}, ("shop-1", "shop", "2.1", "abc")),
        ({"OTEL_RESOURCE_ATTRIBUTES": RESOURCE, "OTEL_SERVICE_NAME": "till"}, ("shop-1", "till", "2.1", "abc")),
        ({"OTEL_SERVICE_NAME": "till", "OBS_GROUP": "own", "OBS_PROCESS": "one"}, ("one", "own", None, None)),
    ],
)
def test_the_identity_of_a_program_comes_from_our_variables_or_those_of_opentelemetry(
    environment: dict[str, str], expected: tuple[str | None, ...]
) -> None:
    options = from_environment(environment)
    assert (options.process, options.group, options.version, options.revision) == expected


def test_invalid_values_count_as_not_set() -> None:
    names = ("OBS_SPOOL_MB", "OBS_FLUSH_MS", "OBS_EXIT_S", "OBS_TEXT_CAP", "OBS_SYNCHRONOUS", "OBS_DISABLED")
    assert from_environment(dict.fromkeys(names, "many")) == from_environment({})
    assert from_environment({"OBS_EXIT_S": "inf", "OBS_FLUSH_MS": "-1"}) == from_environment({})


def test_every_option_has_its_variable() -> None:
    plain = from_environment({})
    given = {
        "OBS_LOG": "a.db",
        "OBS_PROCESS": "p",
        "OBS_GROUP": "g",
        "OBS_VERSION": "1",
        "OBS_REVISION": "r",
        "OBS_DISABLED": "yes",
        "OBS_SPOOL_MB": "1.5",
        "OBS_FLUSH_MS": "7",
        "OBS_EXIT_S": "0.5",
        "OBS_TEXT_CAP": "99",
        "OBS_REDACT": "x",
        "OBS_SYNCHRONOUS": "full",
        "OBS_REPR": "1",
        "OBS_DRAIN": "off",
    }
    changed = from_environment(given)
    assert tuple(changed) == ("a.db", "p", "g", "1", "r", True, 1.5, 7, 0.5, 99, "x", "FULL", True, False)
    assert all(new != old for new, old in zip(changed, plain, strict=True))


def run(code: str, **environment: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OBS_", "OTEL_"))}
    subprocess.run([sys.executable, "-c", code], check=True, env={**inherited, "PYTHONPATH": str(ROOT), **environment})


def test_a_program_without_settings_is_a_group_with_its_own_name(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    run("import obs_core; obs_core.record('x', 1)", OBS_LOG=str(log), OBS_PROCESS="lonely")
    run("import obs_core; obs_core.record('x', 1)", OBS_LOG=str(log), OTEL_SERVICE_NAME="till")
    connection = sqlite.connect(log)
    try:
        rows = connection.execute("SELECT process, process_group FROM data_trace ORDER BY id").fetchall()
    finally:
        connection.close()
    assert rows == [("lonely", "lonely"), ("python", "till")]


def test_disabled_decorators_return_the_function_and_make_no_file(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    code = (
        "import obs_core\n"
        "def f(): return 1\n"
        "assert obs_core.trace(f) is f and obs_core.trace(name='x', args=True)(f) is f\n"
        "obs_core.record('x', 1)\n"
        "with obs_core.span('s'): f()\n"
        "assert obs_core.instrument('json').traced == () and obs_core.flush()\n"
    )
    run(code, OBS_LOG=str(log), OBS_DISABLED="1")
    assert list(tmp_path.iterdir()) == []
