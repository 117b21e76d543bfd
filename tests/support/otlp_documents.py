"""OTLP exports in JSON with everything in them that a question depends on."""

from collections.abc import Mapping
from random import Random
from typing import Any, Final

from obs_core.clock import SECOND
from tests.support.table import START_NS

FUNCTIONS: Final = ("load", "parse", "price", "save", "büro", "retry")
STACK: Final = (
    'Traceback (most recent call last):\n  File "/srv/shop/{name}.py", line {line}, in {name}\n    raise it\n'
)
_ERROR: Final = 17


def document(traces: int, *, seed: int = 7, seconds: int = 3_600) -> dict[str, Any]:
    """An export of `traces` traces of some nine spans each, and log records, within `seconds` after `START_NS`."""
    random = Random(seed)  # noqa: S311 - reproducible data
    resources = [
        {"service.name": "shop", "service.instance.id": "shop-1", "host.name": "a"},
        {"service.name": "shop", "service.instance.id": "shop-2"},
        {"service.name": "billing", "service.version": "1.4"},
        {"host.name": "b"},
    ]
    spans: list[list[dict[str, Any]]] = [[] for _ in resources]
    records: list[list[dict[str, Any]]] = [[] for _ in resources]
    for number in range(traces):
        start = START_NS + number * seconds * SECOND // traces + random.randrange(SECOND)
        _trace(random, number, start, spans, records)
    return {
        "resourceSpans": [
            {"resource": _resource(resource), "scopeSpans": [{"scope": {"name": "lib", "version": "2"}, "spans": own}]}
            for resource, own in zip(resources, spans, strict=True)
        ],
        "resourceLogs": [
            {"resource": _resource(resource), "scopeLogs": [{"scope": {"name": f"log{at}"}, "logRecords": own}]}
            for at, (resource, own) in enumerate(zip(resources, records, strict=True))
        ],
    }


def pairs(attributes: Mapping[str, object]) -> list[dict[str, Any]]:
    """Attributes as OTLP has them."""
    names = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    return [{"key": name, "value": {names[type(value)]: value}} for name, value in attributes.items()]


def _resource(attributes: Mapping[str, object]) -> dict[str, Any]:
    return {"attributes": pairs(attributes)}


def _trace(
    random: Random, number: int, start: int, spans: list[list[dict[str, Any]]], records: list[list[dict[str, Any]]]
) -> None:
    """Add one trace: a root, sometimes with a parent that was never sent, and calls below it."""
    trace, open_calls = (
        f"{start:016x}{number:016x}",
        [(f"{number:08x}{0xFFFF:08x}" if number % 7 == 0 else "", start, 0)],
    )
    for at in range(random.randint(3, 15)):
        parent, begin, depth = open_calls[min(random.randrange(len(open_calls) + 1), len(open_calls) - 1)]
        if at and not parent:
            parent, begin, depth = open_calls[-1]
        own_start = begin + random.randrange(1, 5_000_000)
        duration = int(random.lognormvariate(15, 1.5)) if at % 11 else 0
        ids = {"traceId": trace, "spanId": f"{number:08x}{at + 1:08x}"} | ({"parentSpanId": parent} if parent else {})
        span = ids | _span(random, own_start, duration)
        spans[random.randrange(len(spans))].append(span)
        open_calls.append((span["spanId"], own_start, depth + 1))
        if random.random() < 0.15:
            where = {"traceId": trace, "spanId": span["spanId"]} if random.random() < 0.8 else {}
            records[random.randrange(len(records))].append(_record(random, own_start + random.randrange(1, 999), where))


def _span(random: Random, start: int, duration: int) -> dict[str, Any]:
    name = random.choice(FUNCTIONS)
    attributes: dict[str, object] = {"http.method": random.choice(["GET", "POST"]), "user": f"u{random.randrange(9)}"}
    attributes["http.status_code"] = random.choice([200, 200, 404, 500])
    if random.random() < 0.6:
        attributes["code.function.name"] = f"shop.{name}"
    elif random.random() < 0.5:
        attributes |= {"code.namespace": "old", "code.function": name}
    span: dict[str, Any] = {
        "name": name if random.random() < 0.9 else f"GET /{name}",
        "kind": random.randrange(6),
        "startTimeUnixNano": str(start),
        "attributes": pairs(attributes) if random.random() < 0.95 else [],
    }
    if random.random() < 0.97:
        span["endTimeUnixNano"] = str(start + duration)
    if (draw := random.random()) < 0.15:
        span["status"] = {"code": 2, "message": random.choice(["", "it failed: 17", "überlauf"])}
        if draw < 0.1:
            stack = STACK.format(name=name, line=random.randrange(99)) * random.choice([1, 1, 60])
            raised = {
                "exception.type": random.choice(["ValueError", "shop.errors.Äh"]),
                "exception.message": f"no {start}",
            }
            raised |= {"exception.stacktrace": stack} if draw < 0.07 else {}
            event = {"name": "exception", "timeUnixNano": str(start + 5), "attributes": pairs(raised)}
            span["events"] = [{"name": "retry", "timeUnixNano": str(start + 1)}, event]
    elif draw < 0.5:
        span["status"] = {"code": 1}
    if random.random() < 0.05:
        span["links"] = [{"traceId": "c" * 32, "spanId": "d" * 16, "attributes": pairs({"why": "batch"})}]
    return span


def _record(random: Random, time_ns: int, where: Mapping[str, str]) -> dict[str, Any]:
    number = random.choice([1, 9, 13, _ERROR, 21])
    record: dict[str, Any] = {
        "timeUnixNano": str(time_ns),
        "severityNumber": number,
        "severityText": "LEVEL",
        "body": {"stringValue": random.choice(["started", "cache miss for Größe", "100% done"])},
        "attributes": pairs({"logger": "shop", "user": f"u{random.randrange(9)}"}),
        **where,
    }
    if number == _ERROR:
        record["attributes"] += pairs({"exception.type": "KeyError", "exception.message": "'x'"})
    if random.random() < 0.3:
        record["eventName"] = "checkout"
    return record
