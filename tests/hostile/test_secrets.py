"""A planted secret of any shape is nowhere: not in the spool, the log, an export, a message or a page.

`tests/capture/values` plants secrets in a traced program; here they are received, imported and passed on.
"""

import json
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.alerts import ledger
from obs_core.alerts.deliver import dispatcher
from obs_core.alerts.rules import sources
from obs_core.capture.values.redact import Redaction
from obs_core.capture.values.secret_shapes import SHAPES
from obs_core.cli.main import main
from obs_core.clock import SECOND
from obs_core.export.registry import FORMATS
from obs_core.ingest.redaction import without_secrets
from obs_core.model import Row
from obs_core.settings import from_environment
from obs_core.watch.follower import Follower
from tests.hostile.test_pages import opened, path, problems
from tests.ingest.sender import Sender
from tests.support import receivers

__all__ = ["path"]

SECRET: Final = "Xq7" + "hunter2" + "Zp9"
TEXTS: Final = [shape.example.format(secret=SECRET) for shape in SHAPES]
NS: Final = 1_767_225_600_000_000_000
IDS: Final = {"traceId": "a" * 32, "startTimeUnixNano": str(NS), "endTimeUnixNano": str(NS + 5_000_000)}
RULES: Final = """
[[rule]]
name = "stuck"
kind = "stale"
threshold = 2
[[rule]]
name = "new"
kind = "new_exception"
"""


def text(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def several(*values: str) -> dict[str, Any]:
    return {"arrayValue": {"values": [{"stringValue": value} for value in values]}}


def attributes(number: int) -> list[dict[str, Any]]:
    """The shape with this number as a text at any depth, and secrets by their names."""
    inside = {"kvlistValue": {"values": [text("note", TEXTS[number]), {"key": "cookie", "value": several(SECRET)}]}}
    return [
        text("note", TEXTS[number]), text("user.password", SECRET), text(TEXTS[number], "name"),
        {"key": "deep", "value": inside}, {"key": "argv", "value": several("deploy", "--token", SECRET)},
        {"key": "pair", "value": several("authorization", SECRET)},
    ]  # fmt: skip


def otlp() -> dict[str, dict[str, Any]]:
    """A request of each signal, with every shape in every field that has text."""
    numbers = range(len(TEXTS))
    raised = [text("exception.type", "E"), text("exception.message", TEXTS[0]), text("exception.stacktrace", TEXTS[0])]
    spans: list[dict[str, Any]] = [
        {
            **IDS, "spanId": f"{number + 1:016x}", "name": TEXTS[number], "attributes": attributes(number),
            "events": [{"name": TEXTS[number], "attributes": attributes(number)}],
            "links": [{"traceId": "b" * 32, "spanId": "b" * 16, "attributes": attributes(number)}],
            "traceState": f"token={SECRET}", "status": {"code": 2, "message": TEXTS[number]},
        }
        for number in numbers
    ]  # fmt: skip
    spans[0]["events"].append({"name": "exception", "attributes": raised})
    records = [
        {
            "timeUnixNano": str(NS), "eventName": TEXTS[number], "body": {"stringValue": TEXTS[number]},
            "attributes": attributes(number), "severityNumber": 17,
        }
        for number in numbers
    ]  # fmt: skip
    points = [{"timeUnixNano": str(NS + at * SECOND), "asInt": "7", "attributes": attributes(0)} for at in range(4)]
    exemplar = {"timeUnixNano": str(NS), "asInt": "7", "filteredAttributes": attributes(0)}
    metrics = [{"name": "m", "description": TEXTS[0], "gauge": {"dataPoints": points}}]
    metrics += [{"name": "e", "gauge": {"dataPoints": [{**points[0], "exemplars": [exemplar]}]}}]
    scope = {"name": "shop", "attributes": attributes(1)}
    resource = {"attributes": [text("service.name", "shop"), *attributes(2)]}
    return {
        "traces": {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]},
        "logs": {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": records}]}]},
        "metrics": {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]},
    }


def other_formats() -> dict[str, str]:
    """The content of a file of each other kind of format."""
    ids = {"traceID": "1f", "operationName": TEXTS[0], "startTime": NS // 1000, "duration": 5}
    tags = [{"key": "note", "value": shown} for shown in TEXTS] + [{"key": "password", "value": SECRET}]
    named: dict[str, Any] = {"note": TEXTS, "password": SECRET}
    header = "Process,Data,Data Type,Data Value,Timestamp,Status,Exception"
    cells = [f'a,password,str,{SECRET},2026-01-01,OK,""']
    cells += [f'a,x,str,"{shown.replace(chr(34), chr(34) * 2)}",2026-01-01,OK,' for shown in TEXTS]
    jaeger = {
        "traceID": "1f",
        "processes": {},
        "spans": [{**ids, "spanID": "1", "tags": tags, "logs": [{"fields": tags}]}],
    }
    zipkin = [
        {"traceId": "2f", "id": "1", "name": TEXTS[0], "timestamp": NS // 1000, "tags": named | {"error": TEXTS[3]}}
    ]
    ddtrace = [[{"trace_id": 2**40, "span_id": 2**40, "name": TEXTS[0], "start": NS, "duration": 5, "meta": named}]]
    return {
        "jaeger.json": json.dumps(jaeger), "zipkin.json": json.dumps(zipkin), "ddtrace.json": json.dumps(ddtrace),
        "chrome.json": json.dumps([{"ph": "X", "name": "x", "ts": NS // 1000, "dur": 1, "pid": 1, "args": named}]),
        "rows.csv": "\n".join([header, *cells]),
    }  # fmt: skip


def leaking(folder: Path) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]


@pytest.fixture
def folder(path: Path) -> Path:
    """The folder of a log that received and imported secrets, and was looked at by the watcher."""
    sender = Sender(path, OBS_SPOOL_MB="16")
    for signal, document in otlp().items():
        answer = sender.post(json.dumps(document).encode(), signal, content_type="application/json")
        assert (answer.status_code, answer.json()) == (200, {})
    assert list(Path(f"{path}.d").glob("*.spool"))
    assert leaking(path.parent) == []  # the spool, too
    sender.intake.close()
    return path.parent


def test_a_received_or_imported_secret_is_in_no_file_export_message_or_page(
    folder: Path, path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    files = tmp_path_factory.mktemp("files")
    contents = other_formats() | {f"{name}.json": json.dumps(document) for name, document in otlp().items()}
    for name, content in contents.items():
        (files / name).write_text(content)
    assert main(["import", str(files), "--log", str(path)]) == 0
    assert "not imported" not in capsys.readouterr().out
    assert leaking(folder) == []

    for form in FORMATS:
        target = folder / f"export.{form}"
        assert main(["export", "--log", str(path), "--format", form, "--from", "first", "--output", str(target)]) == 0
        assert target.stat().st_size > 1_000
    (folder / sources.NAME).write_text(RULES)
    with receivers.receiver(receivers.answers("200 OK")) as server:
        assert main(["webhooks", "add", "ops", server.url, "--group-wait", "0s"]) == 0
        follower = Follower(path)
        follower.tick(NS + 10 * SECOND, ())
        follower.close()
        with closing(ledger.open_ledger(path)) as connection:
            dispatcher.run_round(connection, from_environment())
            dispatcher.run_round(connection, from_environment())
    assert server.posts
    assert not [post for post in server.posts if SECRET.encode() in post.body]
    assert "redacted" in "".join(post.body.decode() for post in server.posts)
    assert leaking(folder) == []

    for page, link in (("trace_explorer", {"trace": "a" * 32}), ("logs", {"l_size": "500"})):
        app = opened(page, **link)
        assert problems(app) == []
        shown = "".join(str(element.proto) for element in app.main if hasattr(element, "proto"))
        assert "redacted" in shown
        assert SECRET not in shown


@given(
    place=st.recursive(
        st.just(SECRET),
        lambda inner: st.one_of(
            st.lists(st.text(max_size=5), max_size=2).flatmap(lambda more: inner.map(lambda one: [*more, one, "x"])),
            st.text("abcdefg", min_size=1, max_size=5).flatmap(lambda name: inner.map(lambda one: {name: one, "n": 1})),
        ),
        max_leaves=6,
    ),
    shape=st.sampled_from(SHAPES),
    name=st.sampled_from(["password", "X-Api-Key", "session_id", "db.credentials", "aws_access_key_id", "Cookie"]),
)
def test_a_secret_at_any_depth_of_the_attributes_is_redacted(place: Any, shape: Any, name: str) -> None:  # noqa: ANN401
    planted = {name: place, "note": _with(place, shape.example.format(secret=SECRET))}
    row = without_secrets(Row("call", "p", "f", 1, attributes=json.dumps({"attributes": planted})), Redaction())
    assert SECRET not in (row.attributes or "")


def _with(part: Any, shown: str) -> Any:  # noqa: ANN401 - JSON
    """`part` with the secret replaced by this text."""
    if isinstance(part, dict):
        return {name: _with(inner, shown) for name, inner in part.items()}
    return [_with(inner, shown) for inner in part] if isinstance(part, list) else shown if part == SECRET else part
