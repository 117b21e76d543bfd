"""Checks who may ask the dashboard: pages, exports, and the websocket behind the pages.

Any web page that its reader has open can send requests to this machine. So the server is asked by its own names only
(`host_names`), by pages that came from it, and no other page may put it into a frame. Files of rows are given to its
own pages and to programs, not to links of other sites.
"""

from typing import Final
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from obs_core import host_names
from obs_core.serve.sign_in import SignInCheck
from obs_core.settings import Settings, from_environment
from obs_core.ui.kit.base_path import base_path

_OWN_SITE: Final = ("same-origin", "none")
_FILES: Final = "/export/"
_POLICY: Final = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",  # Vega compiles expressions; components load as blobs
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "frame-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self'",
}
"""What a page may load and where it may send: this server only. A value that got into a page as markup could not carry
the log elsewhere."""
_HEADERS: Final = {
    "X-Frame-Options": "SAMEORIGIN",  # the table is a frame of the page's own
    "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in _POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # links have the reader's filters
}
_REFUSED: Final = {"type": "websocket.close", "code": 1008, "reason": "The request is not from a page of this server."}


def middleware() -> list[Middleware]:
    """What every request passes before it reaches a route or a page."""
    return [Middleware(AccessCheck), Middleware(SignInCheck)]


class AccessCheck:
    """An ASGI application around another: refuses foreign requests, and adds the headers against framing."""

    def __init__(self, app: ASGIApp) -> None:
        """Check what is asked of `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or one websocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = why_refused(Headers(scope=scope), scope["path"], listens_on(), further_names(from_environment()))
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send(_REFUSED)  # the server answers 403: the websocket was not accepted
        else:
            error, hint = refusal
            await JSONResponse({"error": error, "hint": hint}, 403)(scope, receive, _with_headers(send))


def listens_on() -> str:
    """The address that the server listens on, as it is set; empty: all of this machine's."""
    return str(st.get_option("server.address") or "")


def further_names(settings: Settings) -> tuple[str, ...]:
    """The names that settings add: those of OBS_HOSTS, and the one in OBS_EXTERNAL_URL if it is not this machine's.

    (Its default is localhost, where pages of other programs may be on other ports.)
    """
    external = host_names.name_of(_host_in(settings.external_url))
    return settings.hosts if host_names.is_accepted(external, "") else (*settings.hosts, external)


def why_refused(headers: Headers, path: str, own_address: str, further: tuple[str, ...]) -> tuple[str, str] | None:
    """A sentence and a hint, or None if the request is allowed."""
    host = headers.get("host", "")
    name = host_names.name_of(host)
    if not host_names.is_accepted(name, own_address, further):
        return f"“{name[:100]}” is not a name of this machine.", "Open its address, or add the name to OBS_HOSTS."
    if (origin := headers.get("origin")) is not None and not _is_own_origin(origin, host, further):
        return "A page of another site may not ask here.", "If it is a proxy of yours, add its name to OBS_HOSTS."
    if path.startswith(f"{base_path()}{_FILES}") and headers.get("sec-fetch-site", "none") not in _OWN_SITE:
        return "A page of another site may not download rows.", "Paste the link into the address bar."
    return None


def _is_own_origin(origin: str, host: str, further: tuple[str, ...]) -> bool:
    """Whether a page came from this server: from the name it is asked by, or from a proxy's."""
    asked_of = _host_in(origin)
    return bool(asked_of) and (
        asked_of == host.strip().lower() or host_names.is_listed(host_names.name_of(asked_of), further)
    )


def _host_in(address: str) -> str:
    """The host and port in an address; empty if there is none."""
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


def _with_headers(send: Send) -> Send:
    """`send`, with the headers that every response has."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, text in _HEADERS.items():
                headers.setdefault(name, text)
        await send(message)

    return sending
