"""The dashboard below a path of another site: a real server with a token."""

from pathlib import Path

import httpx

from tests.serve.test_access import websocket
from tests.support import dashboard, table

TOKEN = "correct horse battery staple"  # noqa: S105 - the test's own
HTML = {"Accept": "text/html,*/*"}


def test_routes_sign_in_and_files_are_below_the_path(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    table.store(log, table.rows("0 feed load 5 OK"))
    settings = {"OBS_TOKEN": TOKEN, "STREAMLIT_SERVER_BASE_URL_PATH": "/obs/"}
    with (
        dashboard.running(log, settings) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client,
    ):
        assert client.get("/healthz").json() == client.get("/obs/healthz").json() == {"status": "ok"}
        asked = client.get("/obs/overview", headers=HTML)
        assert (asked.status_code, asked.headers["location"]) == (303, "/obs/signin?next=%2Fobs%2Foverview")
        assert 'action="/obs/signin"' in client.get(asked.headers["location"]).text
        signed_in = client.post("/obs/signin", data={"token": TOKEN, "next": "/obs/alerts"})
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/obs/alerts")
        for path in ("/", "/obs", "/obs/"):
            answer = client.get(path, params={"from": "now-6h"})
            assert answer.headers["location"] == "/obs/overview?from=now-6h"
        assert client.get("/obs/export/rows.csv", params={"from": "first", "to": "now"}).text.count("load") == 1
        other_site = {"Sec-Fetch-Site": "cross-site"}
        assert client.get("/obs/export/rows.csv", headers=other_site).status_code == 403
        assert client.get("/obs/export/typo").status_code == 404
        assert client.get("/obs/overview/_stcore/health").status_code == 304
        assert websocket(server.port, f"Host: 127.0.0.1:{server.port}") != 101
