"""The suites that `benchmarks.compat` runs. Packages and versions are those of `compat.txt`."""

from typing import Final, NamedTuple


class Suite(NamedTuple):
    """A package's own tests and how pytest runs them.

    `release` is the name in `compat.txt`; `tests` are paths in the source distribution, or with `installed` modules of
    the installed package. `plugins` are pytest plugins, `config` is False if the package's own pytest settings can't be
    used, `options` go to pytest as they are, `environment` to the process.
    """

    package: str
    release: str
    tests: tuple[str, ...]
    installed: bool = False
    plugins: tuple[str, ...] = ()
    config: bool = True
    options: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    limit_s: int = 900


PYDANTIC: Final = ("main", "dataclasses", "validators", "validate_call", "generics", "private_attributes", "warnings")
DJANGO: Final = ("utils_tests", "dispatch", "forms_tests", "template_tests", "httpwrappers", "signing", "middleware")
TRIO: Final = ("trio._tests.pytest_plugin", "--skip-optional-imports")
FASTAPI: Final = tuple(f"--ignore=tests/test_{name}" for name in ("tutorial", "telemetry", "request_params"))

SUITES: Final = {
    "cachetools": Suite("cachetools", "cachetools", ("tests",)),
    "pluggy": Suite("pluggy", "pluggy", ("testing",), options=("--ignore=testing/benchmark.py",)),
    "attrs": Suite("attr", "attrs", ("tests",), plugins=("_hypothesis_pytestplugin",)),
    "tenacity": Suite("tenacity", "tenacity", ("tests",)),
    "jinja2": Suite("jinja2", "Jinja2", ("tests",)),
    "click": Suite("click", "click", ("tests",)),
    "flask": Suite("flask", "Flask", ("tests",)),
    "werkzeug": Suite("werkzeug", "Werkzeug", ("tests",), plugins=("xprocess.pytest_xprocess",)),
    "marshmallow": Suite("marshmallow", "marshmallow", ("tests",)),
    "markdown-it-py": Suite("markdown_it", "markdown-it-py", ("tests",), plugins=("pytest_regressions.plugin",)),
    "dateutil": Suite("dateutil", "python-dateutil", ("tests",), plugins=("_hypothesis_pytestplugin",)),
    "httpx": Suite("httpx", "httpx", ("tests",), plugins=("anyio.pytest_plugin",)),
    "starlette": Suite("starlette", "starlette", ("tests",), plugins=("anyio.pytest_plugin",)),
    "fastapi": Suite("fastapi", "fastapi", ("tests",), plugins=("anyio.pytest_plugin",), options=FASTAPI),
    "tornado": Suite("tornado", "tornado", ("tornado.test",), installed=True),
    "trio": Suite("trio", "trio", ("trio._core._tests",), installed=True, plugins=TRIO[:1], options=TRIO[1:]),
    "trio-tests": Suite("trio", "trio", ("trio._tests",), installed=True, plugins=TRIO[:1], options=TRIO[1:]),
    "anyio": Suite(
        "anyio", "anyio", ("tests",), plugins=("anyio.pytest_plugin", "pytest_mock"), options=("-o", "addopts=")
    ),
    "celery": Suite(
        "celery",
        "celery",
        ("t/unit/app",),
        plugins=("celery.contrib.pytest", "pytest_click", "pytest_order"),
    ),
    "joblib": Suite("joblib", "joblib", ("joblib.test.test_parallel",), installed=True),
    "networkx": Suite("networkx", "networkx", ("networkx.classes", "networkx.algorithms.centrality"), installed=True),
    "pydantic": Suite(
        "pydantic",
        "pydantic",
        tuple(f"tests/test_{name}.py" for name in PYDANTIC),
        plugins=("pytest_mock", "pytest_benchmark.plugin", "pytest_examples", "inline_snapshot.pytest_plugin"),
    ),
    "sqlalchemy": Suite("sqlalchemy", "SQLAlchemy", ("test/base", "test/engine")),
    "django": Suite(
        "django",
        "Django",
        tuple(f"tests/{name}" for name in DJANGO),
        plugins=("benchmarks.compat_django",),
        config=False,
        options=("-o", "python_files=test*.py"),
    ),
}
