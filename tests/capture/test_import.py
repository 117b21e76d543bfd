import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SLOW_IMPORTS = {
    *(
        "asyncio",
        "ast",
        "dataclasses",
        "hashlib",
        "inspect",
        "json",
        "linecache",
        "logging",
        "mmap",
        "pathlib",
        "socket",
    ),
    *("sqlite3", "subprocess", "tempfile", "tokenize", "traceback", "urllib", "uuid"),
}
"""Modules of the standard library that may be imported with the first row only, or never: 1 to 15 ms each."""


def modules_after(statement: str) -> set[str]:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_obs_core_loads_only_cheap_modules_of_the_standard_library() -> None:
    foreign = {name.partition(".")[0] for name in modules_after("import obs_core")} - {"obs_core", "__main__"}
    assert foreign & SLOW_IMPORTS == set()
    assert foreign <= sys.stdlib_module_names


def test_import_obs_core_does_not_load_the_spool_the_drain_and_the_store() -> None:
    loaded = modules_after("import obs_core")
    assert {
        "obs_core.store",
        "obs_core.capture.drain.drain",
        "obs_core.capture.spool.spool",
        "obs_core.capture.otel",
    } & loaded == set()
