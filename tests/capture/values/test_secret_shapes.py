"""Secrets inside texts: every shape of the table, in time that grows with the length of the text only."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.capture.values.describe import describe, describe_result
from obs_core.capture.values.exceptions import type_and_message
from obs_core.capture.values.redact import Redaction, cleared
from obs_core.capture.values.secret_shapes import SHAPES
from tests.support.values import row_of

REDACTION = Redaction()
ONE_ARGUMENT = st.text("abXYZ019_.$!", min_size=8, max_size=30).map(lambda text: f"Qz{text}Wk")
OF_PARTS = st.lists(ONE_ARGUMENT, min_size=1, max_size=3).flatmap(
    lambda parts: st.sampled_from([" ", ", ", "@", "/", " @ "]).map(lambda between: between.join(parts))
)
UNQUOTED = {"address", "query", "encoded query", "bearer token", "option"}
"""Shapes that end at a space by their own rules."""

AROUND = st.text(st.characters(codec="utf-8", exclude_characters="\"'`"), max_size=40)


def leaks(secret: str, text: str) -> bool:
    return any(part in text for part in secret.replace("@", " ").replace("/", " ").replace(",", " ").split())


@given(secret=OF_PARTS, argument=ONE_ARGUMENT, before=AROUND, after=AROUND)
def test_a_secret_of_any_shape_is_redacted(secret: str, argument: str, before: str, after: str) -> None:
    """All shapes with each example: making the examples took most of the time."""
    for name, example in SHAPES:
        planted = argument.replace("$", "").replace("!", "") if name in UNQUOTED else secret
        text = f"{before}\n{example.format(secret=planted)}\n{after}"
        assert not leaks(planted, REDACTION.scrubbed(text)), name
        assert not leaks(planted, str(describe(["x", text]))), name
        assert not leaks(planted, str(describe_result({"x": text}))), name
        assert not leaks(planted, type_and_message(ValueError(text))), name
        assert not leaks(planted, json.dumps(cleared({"x": [text, {"y": text}]}, REDACTION))), name
        assert not leaks(planted, REDACTION.without_literals(f"x = 1\n# {example.format(secret=planted)}\n")), name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=hunter2, user=bob", "password=[redacted], user=bob"),
        ("password=a)b, c=1", "password=[redacted], c=1"),
        ("Order(a=1, api_key=abc, b=2)", "Order(a=1, api_key=[redacted], b=2)"),
        ("curl -H 'Authorization: Token x y' https://a", "curl -H 'Authorization: [redacted]' https://a"),
        ("credentials={'user': 'u', 'pass': 'x'} ok=1", "credentials=[redacted] ok=1"),
        ("smtp://me@x.org:p@ss/w@host/x", "smtp://me@x.org:[redacted]@host/x"),
        ("http://host:80/path?email=a@b", "http://host:80/path?email=a@b"),
        ("ssh://git@github.com", "ssh://git@github.com"),
        ("pwd='it''s' x", "pwd=[redacted] x"),
        ("password=[redacted], a=1", "password=[redacted], a=1"),
        ("tokens=5 tokenizer: x", "tokens=5 tokenizer: x"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- x: 1", "[redacted] x: 1"),
    ],
)
def test_what_is_not_secret_stays(text: str, shown: str) -> None:
    assert REDACTION.scrubbed(text) == shown


def test_two_readings_with_redacted_parts_are_not_compared() -> None:
    assert '"obs.value.incomparable": true' in (row_of("password=a").attributes or "")
    assert '"obs.value.incomparable": true' in (row_of(["deploy", "--password", "a"]).attributes or "")
    assert row_of("a=b").attributes is None


PIECES = [
    *("token", "token ", "a=", "token=", "password: ", "\\", '\\"', '"', "'", "://", "x://", "x://a:", "x://a@"),
    *("--a ", "--token ", "-", " ", "  ,", "=", "bearer ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "%3D"),
    *("('a', ", "'token', ", "token='", 'token=\\"', "token=a ", "token=a, ", ")", "token=)", "]'\"", "cookie: a\n"),
    *("&a=", "{", "[({", "token={", "'token': 'a', ", "a" * 70 + " "),
]


def seconds(text: str) -> float:
    """The processor time of one run; other threads of this process do not count."""
    start = time.thread_time()
    REDACTION.scrubbed(text)
    REDACTION.without_literals(text)
    return time.thread_time() - start


@pytest.mark.parametrize("start", ["", "token=", "token='", "x://a:"])
@pytest.mark.parametrize("piece", PIECES)
def test_the_time_grows_no_faster_than_the_text(piece: str, start: str) -> None:
    """Four times the text would take sixteen times as long if the search were quadratic."""
    short, long = (start + piece * (size // len(piece)) + "@=" for size in (8_000, 32_000))
    limit = 10 * max(seconds(short), 0.005)
    assert any(seconds(long) < limit for _ in range(3))


@pytest.mark.parametrize("code", ["return token.kind == 'AS'\n", 'if token.normalized != "NULL":\n'])
def test_a_comparison_with_another_attribute_of_a_secret_name_stays(code: str) -> None:
    assert REDACTION.without_literals(code) == code


@pytest.mark.parametrize("code", ["return self.token == 's3cr3t'\n", 'if password != "s3cr3t":\n'])
def test_a_literal_that_a_secret_is_compared_with_is_redacted(code: str) -> None:
    assert "s3cr3t" not in REDACTION.without_literals(code)
