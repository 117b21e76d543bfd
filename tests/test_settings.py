"""Settings: defaults, what the environment changes, what can't be read."""

import os
from pathlib import Path

import pytest

from obs_core.settings import from_environment, number, switch


def test_without_an_environment_the_defaults_hold() -> None:
    settings = from_environment({})
    assert settings.log == Path("logs/main_dashboard_logs.db")
    assert settings.new_observability
    assert settings.otlp_address == "http://127.0.0.1:4318"


def test_the_environment_changes_them() -> None:
    settings = from_environment({"OBS_LOG": "x.db", "ENABLE_NEW_OBSERVABILITY": "false", "OBS_OTLP_PORT": "4400"})
    assert settings.log == Path("x.db")
    assert not settings.new_observability
    assert settings.otlp_address == "http://127.0.0.1:4400"


def test_source_is_read_only_under_the_current_folder_unless_others_are_named() -> None:
    assert from_environment({}).source_roots == (Path(),)
    assert from_environment({"OBS_SOURCE_ROOTS": f"a{os.pathsep}b"}).source_roots == (Path("a"), Path("b"))


def test_webhooks_may_lead_anywhere_and_messages_name_this_machine_unless_the_environment_says_otherwise() -> None:
    assert from_environment({}).webhook_allow == ()
    assert from_environment({}).external_url == "http://localhost:8501"
    told = from_environment(
        {"OBS_WEBHOOK_ALLOW": "a.example.com, 10.0.0.0/8,", "OBS_EXTERNAL_URL": "https://obs.example"}
    )
    assert told.webhook_allow == ("a.example.com", "10.0.0.0/8")
    assert told.external_url == "https://obs.example"


@pytest.mark.parametrize(
    ("word", "on"), [("1", True), (" Yes ", True), ("OFF", False), ("no", False), ("perhaps", True)]
)
def test_a_switch_is_read_as_people_write_it(word: str, *, on: bool) -> None:
    assert switch({"X": word}, "X", default=True) is on


@pytest.mark.parametrize("word", ["", "-1", "12a", "٣"])
def test_what_is_no_number_counts_as_not_set(word: str) -> None:
    assert number({"X": word}, "X", default=7) == 7
