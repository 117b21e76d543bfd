"""Checks who may send: programs that address this machine by its own name, no web pages, with the token if one is set.

A browser sends Origin with every POST, so web pages are refused. A page with a name that was pointed at this machine
(DNS rebinding) sends that name as Host: only addresses and names of this machine are accepted, unless the request has
the token.
"""

import hmac
import ipaddress
import re
import socket
from collections.abc import Mapping
from typing import Final

from obs_core.ingest.receiver.responses import Refusal

_HOST: Final = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^:\[\]]+))(?::\d+)?")
_OWN_NAMES: Final = frozenset({"localhost", "host.docker.internal", socket.gethostname().lower()})


def check(headers: Mapping[str, str], token: str, listens_on: str) -> None:
    """Return if the request is allowed.

    Raises:
        Refusal: 403 for web pages and foreign names, 401 without the token.
    """
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        raise Refusal(403, "Web pages may not send here.")
    if token:
        _check_token(headers.get("authorization", ""), token)
    elif not _is_own(name := _name(headers.get("host", "")), listens_on):
        said = f"“{name[:100]}” is not a name of this machine; send to its address, or set OBS_OTLP_TOKEN."
        raise Refusal(403, said)


def _check_token(authorization: str, token: str) -> None:
    scheme, _, shown = authorization.strip().partition(" ")
    known = hmac.compare_digest(shown.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not known:
        raise Refusal(401, "Send the token of OBS_OTLP_TOKEN: Authorization: Bearer …")


def _name(host: str) -> str:
    """The name in a Host header, without port and brackets; empty if it has none."""
    match = _HOST.fullmatch(host.strip().lower())
    return (match[1] or match[2]) if match else ""


def _is_own(name: str, listens_on: str) -> bool:
    if name in _OWN_NAMES or name == listens_on.lower() or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
