"""Tokens that requests must present: their comparison, a limit for guessing, and where a server may listen without one.

The dashboard and the receiver share it. Only wrong tokens that differ count as guesses: a program that is configured
with one wrong token never locks out the others behind its address.
"""

import hmac
import ipaddress
import socket
from typing import Final

from obs_core.errors import PermanentFailure

MOST_GUESSES: Final = 10  # different wrong tokens of one address …
PERIOD_S: Final = 60.0  # … within a minute
_MOST_ADDRESSES: Final = 4_096
_IPV6_NETWORK: Final = 64  # bits that an IPv6 user has one value of


def is_right(presented: str | bytes, token: str) -> bool:
    """Whether the token is the one that is set, in a time that says nothing about it; False without one."""
    given = presented.encode("utf-8", "surrogateescape") if isinstance(presented, str) else presented
    return bool(token) & hmac.compare_digest(given, token.encode("utf-8", "surrogateescape"))


def bearer(authorization: str) -> bytes:
    """The token in a header `Authorization: Bearer …`, which servers read as Latin-1; empty if it has none."""
    scheme, _, presented = authorization.strip().partition(" ")
    return presented.strip().encode("latin-1", "replace") if scheme.lower() == "bearer" else b""


class Guesses:
    """The wrong tokens of each address in the last minute. Times are seconds of a clock that only moves forward."""

    def __init__(self) -> None:
        """No address has guessed yet."""
        self._by_address: dict[str, dict[int, float]] = {}

    def wait_s(self, address: str, now: float) -> float:
        """How long the address has to wait until a token of it is compared again; 0 if it may present one."""
        guesses = self._by_address.get(_network(address), {})
        recent = sorted(time for time in guesses.values() if now - time < PERIOD_S)
        return recent[-MOST_GUESSES] + PERIOD_S - now if len(recent) >= MOST_GUESSES else 0.0

    def add(self, address: str, presented: str | bytes, now: float) -> None:
        """Count a wrong token."""
        key = _network(address)
        guesses = self._by_address.pop(key, {})
        recent = {guess: time for guess, time in guesses.items() if now - time < PERIOD_S}
        self._by_address[key] = {**recent, hash(presented): now}
        if len(self._by_address) > _MOST_ADDRESSES:
            del self._by_address[next(iter(self._by_address))]


def check_listening(host: str, token: str, *, insecure: bool) -> str:
    """Refuse to listen where other machines can connect without a token; return a warning if that is allowed.

    Raises:
        PermanentFailure: the address can be reached from other machines, there is no token, and not `insecure`.
    """
    if token or is_loopback(host):
        return ""
    where = f"{host or 'every address'} can be reached from other machines, and no token is set"
    if insecure:
        return f"Warning: {where}: anybody who reaches the port can read or write the log."
    hint = "Set OBS_TOKEN, or listen on 127.0.0.1. --insecure (OBS_INSECURE=yes) listens without a token."
    raise PermanentFailure(f"{where}.", hint)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`; empty is every address of this machine."""
    if host.startswith("unix:"):
        return True
    try:
        addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None)} if host else set()
    except (OSError, UnicodeError):
        return False
    return bool(addresses) and all(ipaddress.ip_address(str(one).partition("%")[0]).is_loopback for one in addresses)


def _network(address: str) -> str:
    """The address, or the network that one user of IPv6 has."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004 - IPv4
        return address
    return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))
