"""The server's own paths, asked in this process."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import streamlit as st
from starlette.applications import Starlette

from obs_core.serve.routes import routes
from obs_core.store import log
from obs_core.ui.shell import answers
from tests.support import table


class Server:
    """The routes, asked without a socket."""

    def get(self, path: str) -> httpx.Response:
        """The answer to one request, redirects not followed."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(Starlette(routes=routes()))
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.get(path)

        return asyncio.run(asked())


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The routes on a log of the test's own, which is not there yet."""
    monkeypatch.setenv("OBS_LOG", str(tmp_path / "trace.db"))
    yield Server()
    answers.close()
    st.cache_resource.clear()


def test_the_root_leads_to_the_overview_and_keeps_what_the_link_selects(server: Server) -> None:
    answer = server.get("/?from=now-6h&group=a%26b")
    assert answer.status_code == 307
    assert answer.headers["location"] == "/overview?from=now-6h&group=a%26b"


def test_the_root_leads_to_the_logs_where_that_is_all(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENABLE_NEW_OBSERVABILITY", "0")
    assert server.get("/").headers["location"] == "/logs"


def test_links_of_the_removed_logs_page_lead_to_the_same_rows(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert server.get("/logs?l_q=a").status_code == 404  # no route of ours: it is a page
    monkeypatch.setenv("OBS_ROLLOUT", "removed")
    answer = server.get("/logs?from=now-6h&l_q=a%26b&group=x&l_size=500&l_row=7")
    assert (answer.status_code, answer.headers["location"]) == (307, "/trace_explorer?from=now-6h&t_q=a%26b&group=x")
    monkeypatch.setenv("ENABLE_NEW_OBSERVABILITY", "no")
    assert server.get("/logs").status_code == 404


def test_health_reports_the_log_and_its_newest_row(server: Server, tmp_path: Path) -> None:
    table.store(tmp_path / "trace.db", table.rows("0 feed load - OK"))
    health = server.get("/healthz").json()
    assert health["status"] == "ok"
    assert health["log"] == str(tmp_path / "trace.db")
    assert health["newest_row"] == "2026-01-01T00:00:00.000000000Z"
    assert isinstance(health["newest_row_age_s"], float)


def test_a_server_without_a_log_is_well_and_says_so(server: Server, tmp_path: Path) -> None:
    assert server.get("/healthz").json()["status"] == "no log yet"
    log.open_log(tmp_path / "trace.db").close()
    assert server.get("/healthz").json()["status"] == "empty log"


def test_a_file_that_is_no_log_is_not_healthy(server: Server, tmp_path: Path) -> None:
    (tmp_path / "trace.db").write_bytes(b"no database" * 100)
    answer = server.get("/healthz")
    assert answer.status_code == 503
    assert "not a SQLite database" in answer.json()["message"]


@pytest.mark.parametrize("path", ["/api/typo", "/export/typo.csv", "/api/"])
def test_an_unknown_path_of_machines_is_a_plain_404(path: str, server: Server) -> None:
    answer = server.get(path)
    assert answer.status_code == 404
    assert path in answer.json()["error"]
