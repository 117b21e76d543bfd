import os
import subprocess
import sys
from pathlib import Path

import pytest

import obs_core
from obs_core.capture.drain import writer_status
from obs_core.capture.options import Options, changed, from_environment, read_environment
from obs_core.store import sqlite
from tests.capture.conftest import Select

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


class Hostile:
    """An object that raises in every conversion."""

    def __str__(self) -> str:
        """Raise."""
        raise RuntimeError

    __repr__ = __fspath__ = __float__ = __int__ = __index__ = __bool__ = __eq__ = __hash__ = __str__  # type: ignore[assignment]


ODD_VALUES: list[object] = [
    *(2, -1, 10**400, 1.5, float("nan"), float("inf"), True, 1j, None),
    *("", "bad", "(", "(?i)x", "\0", "\ud800", "x" * 10_000, b"raw", b"\xff", Path("p")),
    *([1], {"a": 1}, (), object(), Hostile(), int, print),
]


TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("spool_mb", "exit_s"), (float, int)),
    **dict.fromkeys(("flush_ms", "text_cap"), (int,)),
    **dict.fromkeys(("disabled", "repr", "drain"), (bool,)),
}


@pytest.mark.parametrize("name", Options._fields)
@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda value: type(value).__name__)
def test_an_odd_value_is_used_in_the_right_type_or_refused_in_a_sentence(name: str, value: object) -> None:
    before = from_environment({})
    after, refused = changed(before, {name: value})
    assert type(getattr(after, name)) in TYPES.get(name, (str, type(None)))
    if refused:
        assert after == before
        assert refused[0].startswith(f"the setting {name} must be ")
    if isinstance(getattr(after, name), str) and name not in ("log", "redact"):
        getattr(after, name).encode()


@pytest.mark.parametrize("name", sorted({*Options._fields} - {"log", "disabled", "drain"}))
def test_a_program_with_odd_settings_keeps_every_row(
    log: Path, select: Select, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    for number, value in enumerate(ODD_VALUES):
        obs_core.configure(**{"spool_mb": 0.5, "flush_ms": 10, "synchronous": "OFF", name: value})  # type: ignore[arg-type]
        obs_core.record("odd", number)
    assert select("data_value", "data = 'odd'") == [(str(number),) for number in range(len(ODD_VALUES))]
    assert not [record for record in caplog.records if "lost" in record.message]
    assert len(list(log.with_name("trace.db.d").iterdir())) == 1


def test_variables_that_cannot_be_used_are_named_once(log: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, refused = read_environment({"OBS_SPOOL_MB": "many", "OBS_REDACT": "(", "OBS_SYNCHRONOUS": "bad"})
    assert len(refused) == 3
    obs_core.configure(synchronous="bad")
    obs_core.record("x", 1)
    obs_core.record("x", 2)
    expected = "the setting synchronous must be OFF, NORMAL or FULL: 'bad' is not used"
    assert [record.message for record in caplog.records] == [expected]
    assert [status.last_error for status in writer_status.writers(log)] == [expected]


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


def test_a_python_without_the_global_lock_is_refused_with_a_sentence_and_traces_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; sys._is_gil_enabled = lambda: False; import obs_core\n"
        "one = obs_core.trace(lambda: 1); one(); obs_core.record('a', 1)\n"
        "print(obs_core.instrument('json'), obs_core.flush(), '_obs_result' in one.__code__.co_varnames)"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "OBS_LOG": str(tmp_path / "trace.db")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "Instrumented(traced=(), missed=()) True False\n"
    assert "nothing is recorded: this Python runs without the global interpreter lock" in done.stderr
    assert list(tmp_path.iterdir()) == []
