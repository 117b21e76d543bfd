"""Tokens: their comparison, the limit for guessing, and where a server may listen without one."""

import pytest

from obs_core.errors import PermanentFailure
from obs_core.tokens import MOST_GUESSES, PERIOD_S, Guesses, bearer, check_listening, is_loopback, is_right


@pytest.mark.parametrize(
    ("presented", "token", "right"),
    [("a", "a", True), ("a", "b", False), ("", "", False), ("", "a", False), ("ä", "ä", True), (b"a", "a", True)],
)
def test_a_token_is_right_if_it_is_the_one_that_is_set(presented: str | bytes, token: str, right: bool) -> None:  # noqa: FBT001
    assert is_right(presented, token) is right


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer x", b"x"), ("bearer  x ", b"x"), ("Basic x", b""), ("", b""), ("x", b""), ("Bearer Ã¤", "ä".encode())],
)
def test_the_token_of_a_header_is_read_as_servers_read_headers(header: str, token: bytes) -> None:
    assert bearer(header) == token


def test_different_wrong_tokens_of_an_address_are_limited_and_the_wait_ends() -> None:
    guesses = Guesses()
    for number in range(MOST_GUESSES):
        assert guesses.wait_s("10.0.0.1", float(number)) == 0
        guesses.add("10.0.0.1", str(number), float(number))
    assert guesses.wait_s("10.0.0.1", 10.0) == PERIOD_S - 10.0
    assert guesses.wait_s("10.0.0.2", 10.0) == 0
    assert guesses.wait_s("10.0.0.1", PERIOD_S + 0.5) == 0


def test_a_program_with_one_wrong_token_never_has_to_wait() -> None:
    guesses = Guesses()
    for number in range(1_000):
        guesses.add("10.0.0.1", "old", number / 100)
    assert guesses.wait_s("10.0.0.1", 10.0) == 0


def test_all_addresses_of_an_ipv6_network_guess_together_and_memory_is_bounded() -> None:
    guesses = Guesses()
    for number in range(MOST_GUESSES):
        guesses.add(f"2001:db8::{number:x}", str(number), 0.0)
    assert guesses.wait_s("2001:db8::ffff", 1.0) > 0
    for number in range(5_000):
        guesses.add(f"10.0.{number // 250}.{number % 250}", "x", 1.0)
    assert len(guesses._by_address) == 4_096


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *(("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("unix:///run/x", True)),
        *(("0.0.0.0", False), ("::", False), ("", False), ("10.0.0.1", False), ("no.such.name.invalid", False)),
    ],
)
def test_only_loopback_is_reached_by_this_machine_alone(host: str, loopback: bool) -> None:  # noqa: FBT001
    assert is_loopback(host) is loopback


def test_listening_beyond_this_machine_needs_a_token_or_a_decision() -> None:
    assert check_listening("127.0.0.1", "", insecure=False) == ""
    assert check_listening("0.0.0.0", "secret", insecure=False) == ""
    assert check_listening("", "", insecure=True).startswith("Warning: every address can be reached")
    with pytest.raises(PermanentFailure, match="no token is set") as refused:
        check_listening("0.0.0.0", "", insecure=False)
    assert "OBS_TOKEN" in refused.value.hint
