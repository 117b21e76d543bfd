"""The architecture: what a traced program imports, where each dependency is used, and what pages may contain."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "pages").glob("*.py"))
HEAVY = (
    "duckdb",
    "pandas",
    "numpy",
    "pyarrow",
    "altair",
    "streamlit",
    "st_aggrid",
    "pygments",
    "opentelemetry",
    "httpx",
    "clickhouse_connect",
)
ADAPTERS = {
    "st_aggrid": {"obs_core/ui/explorer/grid.py"},
    "duckdb": {"obs_core/scanner.py"},
    "altair": {"obs_core/charts.py"},
    "pygments": {"obs_core/source_code/highlight.py"},
    "opentelemetry": {"obs_core/capture/otel.py", "obs_core/ingest/formats/protobuf/messages.py"},
    "uvicorn": {"obs_core/ingest/receiver/listener.py", "obs_core/ingest/receiver/connections.py"},
    "grpc": {"obs_core/ingest/receiver/grpc_listener.py"},
    "httpx": {"obs_core/alerts/deliver/http_client.py"},
    "clickhouse_connect": {"obs_core/query/engine/clickhouse_client.py"},
}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return {name.partition(".")[0] for name in done.stdout.split()}


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def test_a_traced_program_loads_the_standard_library_only() -> None:
    loaded = loaded_by("import obs_core")
    assert "obs_core" in loaded
    assert loaded <= set(sys.stdlib_module_names) | {"obs_core", "__main__", "sitecustomize"} | loaded_by("pass")


@pytest.mark.parametrize("module", ["obs_core.store.log", "obs_core.settings", "obs_core.cli.main"])
def test_modules_below_the_queries_load_no_heavy_dependency(module: str) -> None:
    assert loaded_by(f"import {module}").isdisjoint(HEAVY)


def test_the_watcher_loads_no_dependency_of_the_read_side() -> None:
    assert loaded_by("import obs_core.cli.watch").isdisjoint({*HEAVY} - {"httpx", "pygments"})


def test_the_receiver_loads_no_dependency_of_the_read_side() -> None:
    assert loaded_by("import obs_core.cli.ingest").isdisjoint({*HEAVY} - {"opentelemetry"})


def test_the_read_side_runs_without_streamlit() -> None:
    assert "streamlit" not in loaded_by(
        "import obs_core.query.engine.engine, obs_core.query.questions.overview, obs_core.charts"
    )


@pytest.mark.parametrize(("package", "adapters"), ADAPTERS.items())
def test_every_dependency_is_only_imported_by_its_adapter(package: str, adapters: set[str]) -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in (*(ROOT / "obs_core").rglob("*.py"), *PAGES)
        if package in imports_of(path)
    }
    assert users == adapters


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_is_short_and_has_no_class_no_query_and_no_data_processing(page: Path) -> None:
    text = page.read_text("utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    assert text.count("\n") <= 95
    assert not any(isinstance(node, ast.ClassDef) for node in ast.walk(tree))
    assert imports_of(page).isdisjoint({"pandas", "duckdb", "sqlite3", "pyarrow", "numpy", "altair"})
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert not any(string.lstrip().upper().startswith(("SELECT ", "WITH ", "INSERT ")) for string in strings)


def test_the_sqlite_scanner_has_exactly_the_version_of_duckdb() -> None:
    pins = dict(line.split("==") for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line)
    assert pins["duckdb"] == pins["duckdb-extension-sqlite-scanner"]
    with (ROOT / "pyproject.toml").open("rb") as file:
        lake = tomllib.load(file)["project"]["optional-dependencies"]["lake"]
    tested = (ROOT / "tests/requirements.txt").read_text().split()
    assert {line.partition("==")[2] for line in lake} == {pins["duckdb"]}
    assert set(lake) <= set(tested)
