"""Secrets in what other programs send."""

import json
from pathlib import Path

from obs_core.capture.values.redact import Redaction
from obs_core.ingest.redaction import without_secrets
from obs_core.model import Row
from tests.ingest.sender import Sender, span, text, traces

ALL = Redaction()
ABOUT = {
    "attributes": {
        "http.request.header.authorization": ["Bearer abc"],
        "user.password": "hunter2",
        "gen_ai.usage.input_tokens": 12,
        "url.full": "http://bob:hunter2@shop.example/items?api_key=hunter2&page=2",
    },
    "events": [{"name": "login", "attributes": {"session_id": 77, "path": "/"}}],
    "resource": {"process.command_line": "serve --token=hunter2"},
}


def test_attributes_of_sensitive_names_are_redacted_at_every_depth() -> None:
    row = without_secrets(Row("call", "shop", "GET", 1, attributes=json.dumps(ABOUT)), ALL)
    assert json.loads(row.attributes or "") == {
        "attributes": {
            "http.request.header.authorization": "[redacted]",
            "user.password": "[redacted]",
            "gen_ai.usage.input_tokens": 12,
            "url.full": "http://bob:[redacted]@shop.example/items?api_key=[redacted]&page=2",
        },
        "events": [{"name": "login", "attributes": {"session_id": "[redacted]", "path": "/"}}],
        "resource": {"process.command_line": "serve --token=[redacted]"},
    }


def test_texts_lose_the_secrets_next_to_a_sensitive_name() -> None:
    row = Row("log", "shop", "auth", 1, data_value="password=hunter2 for bob", exception="E: token=abc", trace_id="t")
    clear = without_secrets(row, ALL)
    assert (clear.data_value, clear.exception) == ("password=[redacted]", "E: token=[redacted]")


def test_values_of_sensitive_names_are_redacted_if_they_are_text() -> None:
    assert without_secrets(Row("value", "p", "token", 1, data_type="string", data_value="abc"), ALL).data_value == (
        "[redacted]"
    )
    number = Row("value", "p", "token.bucket", 1, data_type="int", data_value="7")
    assert without_secrets(number, ALL) is not None
    assert without_secrets(number, ALL).data_value == "7"


def test_other_rows_are_left_as_they_are() -> None:
    row = Row("call", "shop", "GET", 1, attributes='{"attributes": {"item": "tea", "n": 1e3}}')
    assert without_secrets(row, ALL) is row
    assert without_secrets(row._replace(attributes=json.dumps(ABOUT)), Redaction("")).attributes is not None


def test_without_names_nothing_is_redacted() -> None:
    row = Row("call", "shop", "GET", 1, attributes=json.dumps({"attributes": {"user.password": "hunter2"}}))
    assert "hunter2" in (without_secrets(row, Redaction("")).attributes or "")


def test_a_received_secret_is_in_no_file(tmp_path: Path) -> None:
    sender = Sender(tmp_path / "trace.db")
    body = traces([span(1, attributes=[text("db.password", "hunter2-in-clear")])]).SerializeToString()
    assert sender.post(body).status_code == 200
    spools = list((tmp_path / "trace.db.d").glob("*.spool"))
    assert spools
    assert not any(b"hunter2-in-clear" in path.read_bytes() for path in spools)
    assert "[redacted]" in sender.rows("attributes")[0][0]
    assert b"hunter2-in-clear" not in (tmp_path / "trace.db").read_bytes()
