"""Secrets of a traced program are in none of our files: not in the log, its WAL, the spool or an export."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from obs_core.capture.drain import recovery
from obs_core.capture.values.secret_shapes import SHAPES
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
arguments = ("deploy", "--password", SECRET)
with provider.get_tracer("t").start_as_current_span(
    f"GET /?token={{SECRET}}", attributes={{"http.request.header.cookie": SECRET, "process.command_args": arguments}}
) as span:
    span.add_event("sent", {{"api_key": SECRET}})
    span.record_exception(ValueError(f"password={{SECRET}}"))
exec(compile(open(__file__ + ".more").read(), __file__ + ".more", "exec"))
{{wait}}
"""

MORE = f"""
import enum
import numpy
from obs_core.capture.values.secret_shapes import SHAPES

class Name(str): pass
class Field(enum.Enum):
    PASSWORD = "password"

for number, shape in enumerate(SHAPES):
    text = shape.example.format(secret=SECRET)
    obs_core.record(f"text {{number}}", text)
    obs_core.record(f"bytes {{number}}", text.encode())
    obs_core.record(f"list {{number}}", ["x", text, numpy.str_(text), Name(text)])
    obs_core.record(text, 1)
    with obs_core.span(text): pass
    logging.getLogger("a").warning(text)
    try:
        with obs_core.span("fails"): raise ValueError(text, {{"x": text}})
    except ValueError: pass
obs_core.record("name", {{Name("password"): SECRET, Field.PASSWORD: SECRET, b"cookie": SECRET}})
obs_core.record("headers", [(b"host", b"a"), (b"authorization", SECRET.encode()), ("cookie", SECRET)])
obs_core.record("arguments", ["deploy", "--password", SECRET])
obs_core.record("record", {{"name": "authorization", "value": SECRET}})
obs_core.record("number", numpy.str_("password=" + SECRET))

@obs_core.trace
def connect():
    password = "{SECRET}"
    headers = {{"Authorization": "Token {SECRET}"}}
    run("deploy --token {SECRET}")  # password: {SECRET}

try: connect()
except NameError: pass
"""


def run(log: Path, wait: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OBS_LOG": str(log), "OBS_FLUSH_MS": "60000"}
    with tempfile.TemporaryDirectory() as folder:  # not next to the log: these files hold the secret
        program = Path(folder) / "program.py"
        program.write_text(PROGRAM.replace("{wait}", wait.replace("{", "{{").replace("}", "}}")), encoding="utf-8")
        Path(f"{program}.more").write_text(MORE, encoding="utf-8")
        subprocess.run([sys.executable, str(program)], check=True, env=environment, cwd=log.parent)


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
        (redacted,) = reader.execute("SELECT count(*) FROM data_trace WHERE data_value LIKE '%[redacted]%'").fetchone()
        assert redacted >= 14 + 4 * len(SHAPES)
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
    reader = sqlite.connect(log)
    (source,) = reader.execute("SELECT source FROM code WHERE function LIKE '%connect'").fetchone()
    (stack,) = reader.execute("SELECT exception_stack FROM data_trace WHERE function LIKE '%connect'").fetchone()
    reader.close()
    assert source.count("[redacted]") == 4
    assert 'run("deploy --token [redacted]"' in stack
    assert files_with_secret(tmp_path) == []


@pytest.mark.parametrize("form", ["otlp", "jaeger", "csv"])
def test_no_secret_is_in_an_export(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    log = tmp_path / "trace.db"
    run(log, "")
    assert main(["export", "--log", str(log), "--format", form, "--from", "now-1h"]) == 0
    printed = capsys.readouterr().out
    assert "redacted" in printed
    assert SECRET not in printed


@pytest.mark.parametrize(
    "question", ["values.series", "values.streaks", "overview.recent_errors", "functions.performance"]
)
def test_no_secret_is_in_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str], question: str) -> None:
    log = tmp_path / "trace.db"
    run(log, "")
    assert (
        main(
            [
                "ask",
                question,
                "--log",
                str(log),
                "--from",
                "now-1h",
                "--to",
                "now",
                "--format",
                "csv",
                "--timeout",
                "60",
            ]
        )
        == 0
    )
    assert SECRET not in capsys.readouterr().out
