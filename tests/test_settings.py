"""Settings: their defaults, what the environment changes, and values that can't be read."""

import inspect
import os
from pathlib import Path

import pytest

from obs_core import configure
from obs_core.capture.options import Options
from obs_core.environment import switch, whole_number
from obs_core.settings import Settings, from_environment

CHANGED = {
    "OBS_LOG": "a.db",
    "ENABLE_NEW_OBSERVABILITY": "no",
    "OBS_OTLP": "no",
    "OBS_OTLP_HOST": "::1",
    "OBS_OTLP_PORT": "4400",
    "OBS_OTLP_GRPC_PORT": "4401",
    "OBS_SOURCE_ROOTS": "src",
    "OBS_ROLLOUT": "Removed",
    "OBS_TOKEN": "shared secret",
    "OBS_OTLP_TOKEN": "secret",
    "OBS_INSECURE": "yes",
    "OBS_OTLP_LIMIT_MB": "1",
    "OBS_OTLP_LIMIT_PARTS": "5000",
    "OBS_OTLP_WORK_S": "2",
    "OBS_OTLP_HEAD_S": "2",
    "OBS_OTLP_BODY_S": "3",
    "OBS_OTLP_CONNECTIONS": "20",
    "OBS_OTLP_PEER_CONNECTIONS": "10",
    "OBS_WATCH": "no",
    "OBS_ARCHIVE": "no",
    "OBS_KEEP": "7d",
    "OBS_KEEP_ARCHIVE": "90d",
    "OBS_KEEP_ROLLUPS": "400d",
    "OBS_MAX_SIZE": "1.5 GB",
    "OBS_STORE": "ducklake:postgres://obs@pg/obs?data=s3://bucket/obs",
    "OBS_KEEP_STORE": "30d",
    "OBS_HANG_S": "5",
    "OBS_MAX_SERIES": "7",
    "OBS_VALUES": "price",
    "OBS_WEBHOOK_ALLOW": "a.example.com",
    "OBS_HOSTS": "obs.example.org",
    "OBS_EXTERNAL_URL": "https://obs.example",
    "OBS_FORWARD": "http://collector:4318",
    "OBS_FORWARD_HEADERS": "api-key=secret",
    "OBS_FORWARD_CERTIFICATE": "authorities.pem",
    "OBS_FORWARD_TIMEOUT_S": "3",
    "OBS_FORWARD_FROM": "start",
    "OBS_FORWARD_SIGNALS": "traces",
    "OBS_FORWARD_HOLD": "7d",
}
"""A value for every setting that differs from its default."""


def test_without_an_environment_the_defaults_apply() -> None:
    settings = from_environment({})
    assert settings.log == Path("logs/main_dashboard_logs.db")
    assert settings.new_observability
    assert settings.otlp_address == "http://127.0.0.1:4318"


def test_the_environment_changes_the_defaults() -> None:
    settings = from_environment({"OBS_LOG": "x.db", "ENABLE_NEW_OBSERVABILITY": "false", "OBS_OTLP_PORT": "4400"})
    assert settings.log == Path("x.db")
    assert not settings.new_observability
    assert settings.otlp_address == "http://127.0.0.1:4400"


def test_source_code_is_only_read_from_the_current_folder_unless_others_are_set() -> None:
    assert from_environment({}).source_roots == (Path(),)
    assert from_environment({"OBS_SOURCE_ROOTS": f"a{os.pathsep}b"}).source_roots == (Path("a"), Path("b"))


def test_by_default_webhooks_may_use_any_host_and_messages_link_to_this_machine() -> None:
    assert from_environment({}).webhook_allow == ()
    assert from_environment({}).external_url == "http://localhost:8501"
    settings = from_environment(
        {"OBS_WEBHOOK_ALLOW": "a.example.com, 10.0.0.0/8,", "OBS_EXTERNAL_URL": "https://obs.example"}
    )
    assert settings.webhook_allow == ("a.example.com", "10.0.0.0/8")
    assert settings.external_url == "https://obs.example"


@pytest.mark.parametrize(
    ("text", "on"), [("1", True), (" Yes ", True), ("OFF", False), ("no", False), ("perhaps", True)]
)
def test_a_switch_is_read_as_people_write_it(text: str, *, on: bool) -> None:
    assert switch({"X": text}, "X", default=True) is on


def test_retention_is_read_as_periods_and_a_size() -> None:
    settings = from_environment(CHANGED)
    day_ns = 86_400 * 10**9
    assert (settings.keep_ns, settings.keep_archive_ns, settings.keep_rollups_ns) == (
        7 * day_ns, 90 * day_ns, 400 * day_ns,
    )  # fmt: skip
    assert settings.max_bytes == 1_500_000_000


@pytest.mark.parametrize("text", ["", "0d", "0GB", "7", "seven", "-1d", "1e3GB", "7dd", "1XB"])
def test_a_retention_that_can_not_be_read_deletes_nothing(text: str) -> None:
    settings = from_environment(
        dict.fromkeys(("OBS_KEEP", "OBS_KEEP_ARCHIVE", "OBS_KEEP_ROLLUPS", "OBS_MAX_SIZE"), text)
    )
    assert (settings.keep_ns, settings.keep_archive_ns, settings.keep_rollups_ns, settings.max_bytes) == (None,) * 4


@pytest.mark.parametrize("text", ["", "-1", "12a", "٣"])
def test_a_text_that_is_not_a_whole_number_counts_as_not_set(text: str) -> None:
    assert whole_number({"X": text}, "X", default=7) == 7


def test_every_setting_has_a_variable() -> None:
    defaults, changed = from_environment({}), from_environment(CHANGED)
    assert [name for name in Settings.__slots__ if getattr(defaults, name) == getattr(changed, name)] == []


def test_configure_takes_every_setting_of_a_traced_program() -> None:
    assert set(inspect.signature(configure).parameters) == set(Options._fields)


def test_the_archive_is_made_unless_the_setting_says_otherwise() -> None:
    """A value that can't be read counts as not set."""
    texts = ("", "auto", "yes", "1", "off", "No", "All", "foreign")
    archives = [from_environment({"OBS_ARCHIVE": text}).archive for text in texts]
    assert archives == ["auto", "auto", "yes", "yes", "no", "no", "all", "auto"]
