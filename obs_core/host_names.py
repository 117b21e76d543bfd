"""By which names a server on this machine may be addressed, for the dashboard and the receiver.

A page with a name that was pointed at this machine (DNS rebinding) sends that name in the header Host. An address can't
be pointed elsewhere, so addresses and this machine's own names are accepted, and the names that a setting adds.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Final

_HOST: Final = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^:\[\]/@\s]+))(?::\d*)?")
_OWN_NAMES: Final = frozenset({"localhost", "host.docker.internal", socket.gethostname().lower()})


def name_of(host: str) -> str:
    """The name in a Host header or in the host part of an address, without port and brackets; empty if it has none."""
    match = _HOST.fullmatch(host.strip().lower())
    return (match[1] or match[2]).removesuffix(".") if match else ""


def is_accepted(name: str, listens_on: str, further: Iterable[str] = ()) -> bool:
    """Whether a server that listens on `listens_on` may be addressed by `name` (lower case, see `name_of`)."""
    if name in _OWN_NAMES or name.endswith(".localhost") or (name and name == listens_on.lower()):
        return True
    return is_listed(name, further) or _is_address(name)


def is_listed(name: str, names: Iterable[str]) -> bool:
    """Whether `name` is one of `names`; `*.example.org` matches every name below it."""
    patterns = (listed.strip().lower().removesuffix(".") for listed in names)
    return bool(name) and any(
        name.endswith(listed[1:]) if listed.startswith("*.") else name == listed for listed in patterns
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
