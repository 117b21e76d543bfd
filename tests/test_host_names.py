"""Names of this machine, and names that only look like them."""

import socket

import pytest

from obs_core import host_names


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost:8501", "localhost"),
        ("LocalHost.", "localhost"),
        ("[::1]:8501", "::1"),
        ("[::1]", "::1"),
        ("obs.example.org", "obs.example.org"),
        ("", ""),
        ("a b", ""),
        ("user@127.0.0.1", ""),
        ("127.0.0.1/x", ""),
        ("::1", ""),
        ("localhost:80:80", ""),
        ("localhost:80x", ""),
    ],
)
def test_the_name_in_a_host_header(host: str, name: str) -> None:
    assert host_names.name_of(host) == name


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "app.localhost",
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "192.168.1.7",
        "fe80::1",
        "bound.example",
        "listed.example",
        "a.wild.example",
        socket.gethostname().lower(),
    ],
)
def test_own_names_addresses_and_listed_names_are_accepted(name: str) -> None:
    assert host_names.is_accepted(name, "Bound.example", ["Listed.example.", "*.wild.example"])


@pytest.mark.parametrize(
    "name",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "notlocalhost",
        "wild.example",
        "xwild.example",
        "listed.example.evil",
        "1.2.3",
        "0x7f000001",
        "127.1",
    ],
)
def test_other_names_are_not(name: str) -> None:
    assert not host_names.is_accepted(name, "bound.example", ["listed.example", "*.wild.example"])


def test_nothing_is_accepted_for_an_address_that_is_not_set() -> None:
    assert not host_names.is_accepted("", "", [""])
