"""A store behind HTTP: what is asked of the server, and what is said when it can't answer."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from obs_core.clock import SECOND, Window
from obs_core.errors import LogUnreadable, NotALog, ObsError, QuestionTimedOut, WorkerFailed
from obs_core.query.engine import clickhouse_client, clickhouse_tables
from obs_core.query.engine.clickhouse_client import ClickHouseClient
from obs_core.query.engine.clickhouse_url import parsed
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.opening import engine_on
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import functions, overview, traces
from tests.support.clickhouse_server import PASSWORD, Server, running
from tests.support.table import START_NS

WINDOW = Window(START_NS, START_NS + 3_600 * SECOND)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of the databases in this process."""
    with running() as server:
        yield server


def url_of(server: Server, database: str, options: str = "tls=no", password: str = PASSWORD) -> str:
    return f"clickhouse://obs:{quote(password, safe='')}@127.0.0.1:{server.server_address[1]}/{database}?{options}"


@pytest.fixture
def remote(server: Server, database: str, tmp_path: Path) -> Iterator[Engine]:
    """An engine on the database, through the server."""
    server.requests.clear()
    with engine_on(tmp_path / "own.db", url_of(server, database), limit_s=30) as engine:
        yield engine


def test_a_server_answers_as_the_database_in_this_process(remote: Engine, store: Engine) -> None:
    assert remote.address == f"clickhouse://obs@127.0.0.1:{remote.address.rpartition(':')[2]}"
    assert remote.extent() == store.extent()
    for question in (overview.summary, overview.groups, functions.performance):
        assert question(remote, WINDOW).to_csv() == question(store, WINDOW).to_csv()
    page, expected = (traces.page(one, WINDOW, row_filter=RowFilter(search="größe")) for one in (remote, store))
    assert page.to_csv() == expected.to_csv()
    assert page.attrs["way"] == "clickhouse"


def test_a_question_may_only_read_for_its_limit_and_so_many_rows(remote: Engine, server: Server) -> None:
    traces.page(remote, WINDOW, row_filter=RowFilter(process="it's"), size=10)
    asked, statement = next(one for one in reversed(server.requests) if "{process:String}" in one[1])
    assert (asked["readonly"], asked["join_use_nulls"], asked["max_result_rows"]) == ("1", "1", "10001")
    assert int(asked["max_execution_time"]) == 60
    assert asked["param_process"] == "it\\'s"  # bound, and nowhere in the statement
    assert "it's" not in statement


def test_nothing_can_be_written(server: Server, database: str) -> None:
    client = ClickHouseClient(parsed(url_of(server, database), {}), limit_s=5)
    with pytest.raises(LogUnreadable, match="readonly mode"):
        client.table(f"CREATE TABLE {database}.mine (a Int8) ENGINE = Memory", {})
    client.close()


def test_a_statement_that_takes_too_long_is_stopped(
    server: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clickhouse_client, "LEAST_S", 1)
    client = ClickHouseClient(parsed(url_of(server, database), {}), limit_s=1)
    with pytest.raises(QuestionTimedOut, match="longer than 1 s"):
        client.table("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1", {})
    asked, _ = server.requests[-1]
    assert asked["max_execution_time"] == "1"
    assert client.table("SELECT 1 AS one", {}).to_pylist() == [{"one": 1}]
    client.close()


def test_a_wrong_password_is_said_without_it(server: Server, database: str, tmp_path: Path) -> None:
    url = url_of(server, database, password="wr0ng")  # noqa: S106
    with engine_on(tmp_path / "own.db", url) as engine:
        with pytest.raises(LogUnreadable) as raised:
            engine.extent()
        assert "Authentication failed" in raised.value.message
        assert "wr0ng" not in f"{raised.value.message}{raised.value.hint}"


def test_a_server_that_is_away_is_said_at_once_and_asked_again(database: str, tmp_path: Path) -> None:
    with running() as first:
        port = first.server_address[1]
        with engine_on(tmp_path / "own.db", url_of(first, database)) as engine:
            seen = engine.extent()
            first.server_close()
            assert clickhouse_client.CONNECT_S < 2
            with pytest.raises(LogUnreadable, match="can't be reached"):
                _until_it_fails(engine)
            with pytest.raises(LogUnreadable, match="can't be reached"):  # without another attempt to connect
                engine.version()
            with running(port=port):
                assert _until_it_answers(engine) == seen


def _until_it_fails(engine: Engine) -> None:
    while True:
        engine.version()
        time.sleep(0.05)


def _until_it_answers(engine: Engine) -> Window | None:
    while True:
        try:
            return engine.extent()
        except ObsError:
            time.sleep(0.05)


def test_a_server_that_accepts_and_says_nothing_is_away(
    server: Server, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    assert clickhouse_tables.ANSWER_S < 2
    with engine_on(tmp_path / "own.db", url_of(server, database)) as engine:
        server.wait_s = 3 * clickhouse_tables.ANSWER_S
        try:
            with pytest.raises(LogUnreadable, match="no answer"):
                engine.extent()
        finally:
            server.wait_s = 0.0


def test_a_database_without_the_tables_is_named(server: Server, tmp_path: Path) -> None:
    with engine_on(tmp_path / "own.db", url_of(server, "default")) as engine, pytest.raises(NotALog) as raised:
        engine.extent()
    assert "/default has no table otel_traces" in raised.value.message


def test_what_the_server_says_of_a_wrong_statement_is_one_sentence(server: Server, database: str) -> None:
    client = ClickHouseClient(parsed(url_of(server, database), {}), limit_s=5)
    with pytest.raises(WorkerFailed) as raised:
        client.table("SELECT nothing FROM otel_traces", {})
    assert re.fullmatch(r"ClickHouse could not answer: .*nothing.*", raised.value.message)
    assert "127.0.0.1" not in raised.value.message
    client.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that its own key signed, with the key."""
    folder = tmp_path_factory.mktemp("certificate")
    key, signed = folder / "key.pem", folder / "signed.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", signed],
        check=True, capture_output=True,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_bytes(key.read_bytes() + signed.read_bytes())
    return both


def test_the_connection_is_encrypted_and_the_certificate_is_checked(
    certificate: Path, database: str, tmp_path: Path
) -> None:
    with running(certificate=certificate) as server:
        with engine_on(tmp_path / "own.db", url_of(server, database, f"ca={certificate}")) as engine:
            assert engine.extent() is not None
        with engine_on(tmp_path / "own.db", url_of(server, database, "duplicates=keep")) as engine:
            with pytest.raises(LogUnreadable, match="certificate is not trusted") as raised:
                engine.extent()
            assert "?ca=" in raised.value.hint


def test_a_server_without_tls_is_said_with_what_to_do(server: Server, database: str, tmp_path: Path) -> None:
    with engine_on(tmp_path / "own.db", url_of(server, database, "tls=yes")) as engine:
        with pytest.raises(LogUnreadable, match="does not speak TLS") as raised:
            engine.extent()
        assert "tls=no" in raised.value.hint


def test_commands_ask_the_store_unless_a_log_is_named(server: Server, database: str, tmp_path: Path) -> None:
    environment = os.environ | {
        "OBS_STORE": url_of(server, database, password="").replace(":@", "@"),
        "CLICKHOUSE_PASSWORD": PASSWORD,
        "OBS_LOG": str(tmp_path / "own.db"),
    }

    def output(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "obs_core", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    counted = output("ask", "traces.total", "--from", "first", "--to", "last", "--format", "csv")
    exported = output("export", "--format", "csv")
    assert counted.stdout.splitlines()[0] == "rows,exact"
    rows = int(counted.stdout.splitlines()[1].partition(",")[0])
    assert rows > 500
    assert f"{rows:,} rows exported" in exported.stderr
    missing = output("ask", "overview.summary", "--log", str(tmp_path / "no.db"))
    assert "No trace log" in missing.stderr
