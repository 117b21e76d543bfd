"""Checks who may send: programs that address this machine by its own name, no web pages, with the token if one is set.

A browser sends Origin with every POST, so web pages are refused. Names that are not this machine's (`host_names`) are
refused unless the request has the token.
"""

import time
from collections.abc import Mapping, Sequence

from obs_core import host_names
from obs_core.ingest.receiver.responses import Refusal
from obs_core.tokens import Guesses, bearer, is_right


def check(headers: Mapping[str, str], token: str, listens_on: str, further: Sequence[str] = ()) -> None:
    """Return if the request may be answered; `further` are the names that the setting OBS_HOSTS adds.

    With a token any name is accepted: `check_token` decides.

    Raises:
        Refusal: 403 for web pages and foreign names.
    """
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        raise Refusal(403, "Web pages may not send here.")
    if token:
        return
    if not host_names.is_accepted(name := host_names.name_of(headers.get("host", "")), listens_on, further):
        said = f"“{name[:100]}” is not a name of this machine; send to its address, or set OBS_OTLP_TOKEN or OBS_HOSTS."
        raise Refusal(403, said)


def check_token(headers: Mapping[str, str], token: str, address: str, guesses: Guesses) -> None:
    """Return if the request has the token, or none is set; wrong ones of an `address` are counted in `guesses`.

    Raises:
        Refusal: 401 without the token, 429 after too many different ones.
    """
    if not token:
        return
    presented, now = bearer(headers.get("authorization", "")), time.monotonic()
    if presented and (wait_s := guesses.wait_s(address, now)):
        raise Refusal(429, "Too many wrong tokens came from this address.", max(1, round(wait_s)))
    if is_right(presented, token):
        return
    if presented:
        guesses.add(address, presented, now)
    raise Refusal(401, "Send the token of OBS_OTLP_TOKEN or OBS_TOKEN: Authorization: Bearer …")
