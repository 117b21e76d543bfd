"""The token of the dashboard: a real server, asked as browsers and programs do."""

import re
import subprocess
import sys
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from obs_core.serve import session
from tests.serve.test_access import PATHS, websocket
from tests.support import dashboard, table

TOKEN = "correct horse battery staple ü"  # noqa: S105 - the test's own
BEARER = {b"Authorization": b"Bearer " + TOKEN.encode()}
HTML = {"Accept": "text/html,*/*"}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the server prints."""
    return tmp_path_factory.mktemp("output") / "server.log"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, output: Path) -> Iterator[int]:
    """The port of a server with a token."""
    log = tmp_path_factory.mktemp("token") / "trace.db"
    table.store(log, table.rows("0 feed load 5 OK"))
    with output.open("wb") as file, dashboard.running(log, {"OBS_TOKEN": TOKEN}, output=file) as server:
        yield server.port


@pytest.fixture
def client(port: int, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """A browser of an address of its own, without cookies."""
    address = f"10.9.{sum(map(ord, request.node.name)) % 250}.{len(request.node.name)}"
    headers = {"X-Forwarded-For": address}  # as a proxy on this machine says it
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
        yield client


def test_nothing_is_answered_without_the_token_but_that_the_server_runs(client: httpx.Client, port: int) -> None:
    for path in PATHS:
        answer = client.get(path)
        if path == "/healthz":
            assert answer.json() == {"status": "ok"}
        else:
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
    assert client.get("/static/index.html").status_code == 401
    assert websocket(port, f"Host: 127.0.0.1:{port}") == 403
    answer = client.get("/overview?from=now-6h", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=%2Foverview%3Ffrom%3Dnow-6h")


def test_programs_send_the_token_in_a_header(client: httpx.Client) -> None:
    answer = client.get("/export/rows.csv?from=first&to=last", headers=BEARER)
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    assert TOKEN not in answer.text
    assert client.get("/healthz", headers=BEARER).json()["log"].endswith("trace.db")
    assert client.get("/export/rows.csv", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_a_link_with_the_token_sets_a_cookie_and_leads_to_the_link_without_it(client: httpx.Client, port: int) -> None:
    answer = client.get("/overview", params={"from": "now-6h", "token": TOKEN, "group": "a&b"}, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/overview?from=now-6h&group=a%26b")
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")
    cookie = SimpleCookie(answer.headers["set-cookie"])[session.name(port)]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "lax", "/", "")
    assert TOKEN not in str(answer.headers)
    for path in PATHS:
        assert client.get(path).status_code not in (401, 403), path  # the client has the cookie
    own = (f"Host: 127.0.0.1:{port}", f"Cookie: {session.name(port)}={cookie.value}")
    assert websocket(port, *own) == 101
    assert websocket(port, *own, "Origin: http://evil.example") == 403
    again = client.get("/overview?token=wrong&from=now-6h", headers=HTML)
    assert again.headers["location"] == "/overview?from=now-6h"
    for changed in (f"1{cookie.value}", cookie.value[:-1], "1.2", ".", "9" * 30):
        assert websocket(port, own[0], f"Cookie: {session.name(port)}={changed}") == 403, changed


def test_the_form_signs_in_and_goes_to_no_other_site(client: httpx.Client, port: int) -> None:
    page = client.get("/signin?next=%2Flogs%3Fl_q%3D%22%3E%3Cscript%3E", headers=HTML)
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert client.post("/signin", data={"token": "wrong", "next": "/logs"}).status_code == 401
    foreign = client.post("/signin", data={"token": TOKEN}, headers={"Origin": "http://evil.example"})
    assert foreign.status_code == 403
    targets = ("/logs?l_q=a", "//evil.example", "/\\evil.example", "http://evil.example", "javascript:alert(1)", "/\n")
    for target in targets:
        answer = client.post("/signin", data={"token": f" {TOKEN} ", "next": target})
        assert answer.status_code == 303
        assert answer.headers["location"] == (target if target == targets[0] else "/")
        assert session.name(port) in answer.headers["set-cookie"]
    secure = client.post("/signin", data={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in secure.headers["set-cookie"]


def test_who_guesses_has_to_wait_in_every_way_to_present_a_token(client: httpx.Client) -> None:
    for number in range(3):
        assert client.post("/signin", data={"token": f"form {number}"}).status_code == 401
        assert client.get("/logs", headers={"Authorization": f"Bearer header {number}"}).status_code == 401
        failed = client.get(f"/logs?token=link+{number}", headers=HTML)
        assert parse_qs(urlsplit(failed.headers["location"]).query) == {"next": ["/logs"], "failed": ["1"]}
    assert client.post("/signin", data={"token": "the tenth"}).status_code == 401
    answer = client.post("/signin", data={"token": TOKEN})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert "Try again in" in answer.text
    assert client.get("/logs", headers=BEARER).status_code == 429
    assert "set-cookie" not in client.get("/logs", params={"token": TOKEN}, headers=HTML).headers


def test_the_server_prints_no_token(client: httpx.Client, output: Path) -> None:
    client.get("/overview", params={"token": TOKEN})
    client.get("/overview", params={"token": "wrong " + TOKEN})
    assert not re.search("horse", output.read_text("utf-8", "replace"))


def test_a_cookie_ends_with_its_time_its_token_and_its_key(tmp_path: Path) -> None:
    log, other = tmp_path / "trace.db", tmp_path / "other.db"
    cookie = session.new(log, "token", 1_000.0)
    assert session.is_valid(log, "token", cookie, 1_000.0 + session.LIFETIME_S - 1)
    assert not session.is_valid(log, "token", cookie, 1_000.0 + session.LIFETIME_S)
    assert not session.is_valid(log, "other token", cookie, 1_001.0)
    assert not session.is_valid(other, "token", cookie, 1_001.0)
    session._key.cache_clear()  # a restart
    assert session.is_valid(log, "token", cookie, 1_001.0)
    assert (tmp_path / "trace.db.d" / "session.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("command", ["streamlit", "serve", "ingest"])
def test_nothing_listens_beyond_this_machine_without_a_token(command: str, tmp_path: Path) -> None:
    port, log = str(dashboard.free_port()), str(tmp_path / "trace.db")
    commands = {
        "streamlit": ["streamlit", "run", "streamlit_app.py", "--server.address", "0.0.0.0", "--server.port", port],
        "serve": ["obs_core", "serve", "--host", "0.0.0.0", "--port", port],
        "ingest": ["obs_core", "ingest", "--host", "0.0.0.0", "--port", port],
    }
    done = subprocess.run(
        [sys.executable, "-m", *commands[command]],
        cwd=dashboard.ROOT,
        env=dashboard.environment(Path(log)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 65
    assert "0.0.0.0 can be reached from other machines, and no token is set. Set OBS_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr
