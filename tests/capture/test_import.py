import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEAR = {
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
"""Of the standard library what a traced program gets with its first row, or never: 1 to 15 ms each."""


def modules_after(statement: str) -> set[str]:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_it_loads_cheap_modules_of_the_standard_library_alone() -> None:
    foreign = {name.partition(".")[0] for name in modules_after("import obs_core")} - {"obs_core", "__main__"}
    assert foreign & DEAR == set()
    assert foreign <= sys.stdlib_module_names


def test_importing_it_loads_nothing_of_the_way_into_the_log() -> None:
    loaded = modules_after("import obs_core")
    assert {
        "obs_core.store",
        "obs_core.capture.drain.drain",
        "obs_core.capture.spool.spool",
        "obs_core.capture.otel",
    } & loaded == set()
