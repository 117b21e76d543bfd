"""Secrets of a traced program are in none of our files: not in the log, its WAL, the spool or an export."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from obs_core.capture.drain import recovery
from obs_core.cli.main import main
from obs_core.paths import folder_of
from obs_core.store import sqlite

ROOT = Path(__file__).parents[3]
SECRET = "Xq7" + "hunter2" + "Zp9"
PROGRAM = f"""
import os, logging, collections
import obs_core
from obs_core.capture.logging import Handler
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from obs_core.capture.otel import Exporter

SECRET = {SECRET!r}

class Account:
    def __init__(self): self.user, self.password = "me", SECRET

@obs_core.trace(args=True)
def login(user, password, options=None): return {{"user": user, "session_id": SECRET}}

@obs_core.trace
def make_token(): return SECRET

@obs_core.trace
def account(): return [Account(), {{"deep": {{"list": [{{"api_key": SECRET}}]}}}}]

@obs_core.trace
def address(): return f"postgres://me:{{SECRET}}@host/db"

@obs_core.trace
def long(): return "x" * 4000 + f" secret={{SECRET}} " + "y" * 4000

@obs_core.trace(args=True)
async def later(token): raise ConnectionError(f"refused, authorization: Bearer {{SECRET}}")

login("me", SECRET, options={{"Authorization": "Bearer " + SECRET, b"cookie": SECRET}})
make_token(); account(); address(); long()
try:
    import asyncio; asyncio.run(later(SECRET))
except ConnectionError: pass
obs_core.record("db_password", SECRET)
obs_core.record_many({{"headers": {{"X-Api-Key": SECRET}}, "fine": "password='" + SECRET + "'", "secret_number": 17}})
obs_core.record("order", collections.OrderedDict(access_key=SECRET))
logging.getLogger("a").addHandler(Handler())
logging.getLogger("a").error("login with token=%s", SECRET)
provider = TracerProvider(); provider.add_span_processor(SimpleSpanProcessor(Exporter()))
with provider.get_tracer("t").start_as_current_span("s", attributes={{"http.request.header.cookie": SECRET}}) as span:
    span.add_event("sent", {{"api_key": SECRET}})
    span.record_exception(ValueError(f"password={{SECRET}}"))
{{wait}}
"""


def run(log: Path, wait: str) -> None:
    code = PROGRAM.replace("{wait}", wait)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OBS_LOG": str(log), "OBS_FLUSH_MS": "60000"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def files_with_secret(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path.name for path in files if SECRET.encode() in path.read_bytes()]


def test_no_secret_is_in_the_spool_the_log_or_its_wal(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    run(log, "os._exit(0)")
    assert [path.suffix for path in Path(folder_of(str(log))).iterdir()] == [".spool"]
    assert files_with_secret(tmp_path) == []
    reader = None
    try:
        recovery.recover(folder_of(str(log)), log)
        reader = sqlite.connect(log)  # keeps the WAL
        (rows,) = reader.execute("SELECT count(*) FROM data_trace").fetchone()
        (redacted,) = reader.execute("SELECT count(*) FROM data_trace WHERE data_value LIKE '%[redacted]%'").fetchone()
        assert (rows, redacted) == (17, 14)
        assert files_with_secret(tmp_path) == []
    finally:
        if reader:
            reader.close()


def test_no_secret_is_in_the_wal_while_the_program_runs(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    copy = "import shutil; assert obs_core.flush(); shutil.copytree('.', 'copy')"
    program = f"os.chdir({str(tmp_path)!r}); {copy}"
    run(log, program)
    assert {"trace.db-wal", "trace.db"} <= {path.name for path in (tmp_path / "copy").iterdir()}
    assert files_with_secret(tmp_path) == []


@pytest.mark.parametrize("form", ["otlp", "jaeger", "csv"])
def test_no_secret_is_in_an_export(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    log = tmp_path / "trace.db"
    run(log, "")
    assert main(["export", "--log", str(log), "--format", form, "--from", "now-1h"]) == 0
    printed = capsys.readouterr().out
    assert "redacted" in printed
    assert SECRET not in printed
