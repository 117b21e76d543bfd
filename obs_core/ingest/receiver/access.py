"""Checks who may send: programs that address this machine by its own name, no web pages, with the token if one is set.

A browser sends Origin with every POST, so web pages are refused. Names that are not this machine's (`host_names`) are
refused unless the request has the token.
"""

import hmac
from collections.abc import Mapping, Sequence

from obs_core import host_names
from obs_core.ingest.receiver.responses import Refusal


def check(headers: Mapping[str, str], token: str, listens_on: str, further: Sequence[str] = ()) -> None:
    """Return if the request is allowed; `further` are the names that the setting OBS_HOSTS adds.

    Raises:
        Refusal: 403 for web pages and foreign names, 401 without the token.
    """
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        raise Refusal(403, "Web pages may not send here.")
    if token:
        _check_token(headers.get("authorization", ""), token)
    elif not host_names.is_accepted(name := host_names.name_of(headers.get("host", "")), listens_on, further):
        said = f"“{name[:100]}” is not a name of this machine; send to its address, or set OBS_OTLP_TOKEN or OBS_HOSTS."
        raise Refusal(403, said)


def _check_token(authorization: str, token: str) -> None:
    scheme, _, shown = authorization.strip().partition(" ")
    known = hmac.compare_digest(shown.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not known:
        raise Refusal(401, "Send the token of OBS_OTLP_TOKEN: Authorization: Bearer …")
