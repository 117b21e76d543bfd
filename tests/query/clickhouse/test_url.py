"""The URL of a store: what it says, and that its password is nowhere shown."""

import pytest

from obs_core.errors import SetupBroken
from obs_core.query.engine.clickhouse_url import parsed


def test_a_url_names_server_user_and_database_and_is_encrypted() -> None:
    url = parsed("clickhouse://obs@ch:8443/otel", {"CLICKHOUSE_PASSWORD": "p4ss"})
    assert (url.host, url.port, url.user, url.database, url.password, url.tls) == (
        "ch",
        8443,
        "obs",
        "otel",
        "p4ss",
        True,
    )
    assert (url.traces, url.logs, url.distinct, url.path) == ("otel_traces", "otel_logs", False, "")
    assert url.shown == "clickhouse://obs@ch:8443/otel"


def test_the_password_may_be_in_the_url_and_is_never_shown() -> None:
    url = parsed("clickhouse://obs:p%2F4ss@[::1]/otel?tls=no&duplicates=remove&traces=t&logs=l", {})
    assert (url.password, url.port, url.tls, url.distinct, url.traces, url.logs) == (
        "p/4ss",
        8123,
        False,
        True,
        "t",
        "l",
    )
    assert url.shown == "clickhouse://obs@[::1]:8123/otel"
    assert "4ss" not in f"{url!r}{url.shown}"


def test_a_database_of_this_process_has_a_path() -> None:
    assert parsed("chdb://memory/otel", {}).path == ":memory:"
    assert (parsed("chdb:///var/ch/otel", {}).path, parsed("chdb:///var/ch/otel", {}).database) == ("/var/ch", "otel")
    assert parsed("chdb:///var/ch/otel", {}).shown == "chdb:///var/ch/otel"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("postgres://obs:p4ss@ch/otel", "unknown scheme: “postgres”"),
        ("otel", "unknown scheme"),
        ("clickhouse://obs:p4ss@ch", "no database"),
        ("clickhouse:///otel", "no server"),
        ("clickhouse://obs:p4ss@ch/otel/more", "no database"),
        ("clickhouse://obs:p4ss@ch:port/otel", "not a valid URL"),
        ("clickhouse://obs:p4ss@ch/otel?secure=1", "unknown option: secure"),
        ("clickhouse://obs:p4ss@ch/otel?tls=maybe", "option tls"),
        ("clickhouse://obs:p4ss@ch/otel?duplicates=1", "option duplicates"),
    ],
)
def test_a_url_that_is_not_one_is_refused_in_a_sentence_without_the_password(text: str, said: str) -> None:
    with pytest.raises(SetupBroken) as raised:
        parsed(text, {})
    assert said in raised.value.message
    assert raised.value.hint
    assert "p4ss" not in f"{raised.value.message}{raised.value.hint}"
