"""Checks of the installation: versions, the packages of the dashboard, DuckDB's SQLite scanner, the ports."""

import platform
import re
import socket
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Final

from obs_core.cli.checks.finding import Finding
from obs_core.errors import ObsError
from obs_core.settings import Settings
from obs_core.store import sqlite
from obs_core.supervisor.state import Child
from obs_core.version import VERSION

_DASHBOARD: Final = (
    *("streamlit", "streamlit-aggrid", "altair", "duckdb", "duckdb-extension-sqlite-scanner", "pandas", "pyarrow"),
    *("pygments", "starlette", "uvicorn", "httpx", "grpcio", "opentelemetry-proto", "googleapis-common-protos"),
)
_INSTALL: Final = "Run: pip install 'obs-core[dashboard]', or in a checkout: pip install -r requirements.txt"
_OLDEST_SQLITE: Final = (3, 37, 0)  # STRICT tables
_SHORT_TOKEN: Final = 16
DASHBOARD_PORT: Final = 8501


def versions() -> Iterator[Finding]:
    """This package, Python and SQLite, then the packages of the dashboard."""
    python = f"obs-core {VERSION}, Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding("version", "ok", python)
    text = f"SQLite {sqlite.library_version}"
    if tuple(map(int, sqlite.library_version.split("."))) < _OLDEST_SQLITE:
        yield Finding("sqlite", "error", f"{text} is too old.", "Use a Python with SQLite 3.37 or newer.")
    else:
        yield Finding("sqlite", "ok", text)
    yield packages(installed())


def installed() -> dict[str, str]:
    """The versions of the dashboard's packages that are installed."""
    known = {}
    for name in _DASHBOARD:
        try:
            known[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return known


def packages(known: Mapping[str, str]) -> Finding:
    """Whether the packages of the dashboard are there, in versions that belong together."""
    missing = [name for name in _DASHBOARD if name not in known]
    if len(missing) == len(_DASHBOARD):
        text = "The dashboard is not installed; traced programs do not need it."
        return Finding("packages", "warning", text, _INSTALL)
    if missing:
        return Finding("packages", "error", f"Missing: {', '.join(missing)}.", _INSTALL)
    if wrong := _other_versions(known):
        return Finding("packages", "warning", f"Not in the tested range: {', '.join(wrong)}.", _INSTALL)
    return Finding("packages", "ok", ", ".join(f"{name} {known[name]}" for name in ("streamlit", "duckdb", "pandas")))


def scanner() -> Finding:
    """Whether DuckDB can load its SQLite scanner, without a download."""
    try:
        from obs_core import scanner  # noqa: PLC0415 - DuckDB may be missing

        scanner.connect(64, threads=1).close()
    except ModuleNotFoundError:
        return Finding("scanner", "warning", "DuckDB is not installed; only the dashboard needs it.", _INSTALL)
    except ObsError as error:
        return Finding("scanner", "error", error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - whatever DuckDB raises, this line reports it
        return Finding("scanner", "error", f"DuckDB can't load its SQLite scanner: {error}", _INSTALL)
    return Finding("scanner", "ok", "DuckDB loads its SQLite scanner from the installed package.")


def ports(settings: Settings, children: Mapping[str, Child]) -> Iterator[Finding]:
    """Whether the ports of the dashboard and the receiver are free, or used by this product."""
    if _accepts("127.0.0.1", DASHBOARD_PORT):
        hint = "If it is not the dashboard, choose another one: python -m obs_core serve --port 8502"
        yield Finding("dashboard port", "ok", f"A program listens on port {DASHBOARD_PORT}.", hint)
    else:
        yield Finding("dashboard port", "ok", f"Port {DASHBOARD_PORT} is free.")
    receiver, port = children.get("ingest"), settings.otlp_port
    if receiver is not None and receiver.state == "running":
        yield Finding("receiver port", "ok", f"The dashboard's receiver listens at {receiver.address}.")
    elif port and _accepts(settings.otlp_host, port):
        text = f"Another program listens on port {port}, which is the receiver's."
        yield Finding("receiver port", "warning", text, "Stop it, or set OBS_OTLP_PORT.")
    else:
        yield Finding("receiver port", "ok", f"Port {port} is free for the receiver." if port else "Any free port.")


def _other_versions(known: Mapping[str, str]) -> list[str]:
    """The packages with another version than the extra `dashboard` of this package accepts."""
    try:
        required = metadata.requires("obs-core") or []
    except metadata.PackageNotFoundError:  # a checkout that is not installed
        return []
    wrong = []
    for line in required:
        name, bounds = re.match(r"([\w.-]+)([^;]*)", line).groups()  # type: ignore[union-attr]
        if name in known and not all(_holds(known[name], bound) for bound in bounds.split(",")):
            wrong.append(f"{name} {known[name]} ({bounds})")
    return wrong


def _holds(version: str, bound: str) -> bool:
    """Whether a version keeps one bound, by its numbers: >=1.2, <2 or ==1.5.5."""
    match = re.fullmatch(r"\s*(>=|<|==)\s*([\w.]+)\s*", bound)
    if match is None:
        return True
    ours, theirs = _numbers(version), _numbers(match[2])
    width = max(len(ours), len(theirs))
    ours, theirs = (numbers + (0,) * (width - len(numbers)) for numbers in (ours, theirs))
    return {">=": ours >= theirs, "<": ours < theirs, "==": ours == theirs}[match[1]]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.split(r"[^0-9]+", version) if part)


def token(settings: Settings) -> Finding:
    """Whether there is a token, and it is long enough."""
    if settings.token and len(settings.token) < _SHORT_TOKEN:
        text = f"OBS_TOKEN has {len(settings.token)} characters."
        return Finding("token", "warning", text, "Use a long random one: openssl rand -hex 32")
    if settings.token:
        return Finding("token", "ok", "The dashboard asks for OBS_TOKEN.")
    return Finding("token", "ok", "None is set; only programs of this machine can connect to what listens by default.")


def _accepts(host: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except (OSError, OverflowError):
        return False
    return True
