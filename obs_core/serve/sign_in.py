"""Asks for the token of OBS_TOKEN: pages, exports, and the websocket behind the pages.

A browser presents it once, on the sign-in page or as `?token=` of any link, and then has a cookie (`session`). Programs
send it as `Authorization: Bearer …`. `/healthz` is open, and only says that the server runs. The token is removed from
the address before a page sees it: no log, no export and no Referer has it.
"""

import time
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import streamlit as st
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from obs_core.serve import session, sign_in_page
from obs_core.settings import from_environment
from obs_core.tokens import Guesses, bearer, is_right
from obs_core.ui.kit.base_path import base_path

PATH: Final = "/signin"  # below the base path
OPEN: Final = "/healthz"  # also below the base path
SIGNED_IN: Final = "obs_signed_in"  # in the scope of a request; missing without a token
_LONGEST_BODY: Final = 16_384
_CLOSED: Final = {"type": "websocket.close", "code": 1008, "reason": "Sign in first."}
_PRIVATE: Final = {"Cache-Control": "no-store"}
_REDIRECT: Final = {**_PRIVATE, "Referrer-Policy": "no-referrer"}  # not on the form: it would send Origin: null


class SignInCheck:
    """An ASGI application around another: lets requests pass that have the token or the cookie."""

    def __init__(self, app: ASGIApp) -> None:
        """Check what is asked of `app`."""
        self._app = app
        self._guesses = Guesses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or one websocket."""
        token = from_environment().token
        if not token or scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await (self._app(scope, receive, send) if _has_cookie(scope, token) else send(_CLOSED))
            return
        response = await self._response(Request(scope, receive), token)
        await (response or self._app)(scope, receive, send)

    async def _response(self, request: Request, token: str) -> Response | None:
        """The answer to a request, or None if it may pass."""
        signed_in = _has_cookie(request.scope, token)
        in_link = request.query_params.get("token")
        if request.url.path == _own_path():
            return await self._sign_in(request, token)
        if in_link is not None:
            return _redirect(_path_of(request)) if signed_in else self._answer_to_link(request, token, in_link)
        if not signed_in and (presented := bearer(request.headers.get("authorization", ""))):
            attempt = self._compare(request, presented, token)
            if attempt.wait_s:
                return _wait(attempt.wait_s)
            signed_in = attempt.right
        request.scope[SIGNED_IN] = signed_in
        if signed_in or request.url.path in (OPEN, f"{base_path()}{OPEN}"):
            return None
        if request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", ""):
            return _redirect(f"{_own_path()}?{urlencode({'next': _path_of(request)})}")
        error, hint = (
            "This dashboard asks for a token.",
            f"Send it as Authorization: Bearer …, or sign in at {_own_path()}.",
        )
        return JSONResponse({"error": error, "hint": hint}, 401, {**_PRIVATE, "WWW-Authenticate": "Bearer"})

    def _answer_to_link(self, request: Request, token: str, presented: str) -> Response:
        """Redirect to the link without its token; with a wrong one, to the sign-in page."""
        target = _path_of(request)
        attempt = self._compare(request, presented, token)
        if attempt.right:
            return _with_cookie(_redirect(target), request, token)
        return _redirect(f"{_own_path()}?{urlencode({'next': target, 'failed': '1'})}")

    async def _sign_in(self, request: Request, token: str) -> Response:
        """The sign-in page, or the answer to its form."""
        target = _local(request.query_params.get("next", f"{base_path()}/"))
        if request.method == "GET":
            failed = "That token is not right." if "failed" in request.query_params else ""
            return HTMLResponse(sign_in_page.page(target, failed, _own_path()), headers=_PRIVATE)
        if request.method != "POST":
            return JSONResponse({"error": "Use GET or POST."}, 405, {"Allow": "GET, POST"})
        form = parse_qs(await _body(request), keep_blank_values=True)
        presented, target = form.get("token", [""])[0].strip(), _local(form.get("next", [f"{base_path()}/"])[0])
        attempt = self._compare(request, presented, token)
        if attempt.right:
            return _with_cookie(_redirect(target), request, token)
        if attempt.wait_s:
            said = f"Too many wrong tokens. Try again in {attempt.wait_s:.0f} s."
            headers = {**_PRIVATE, "Retry-After": f"{attempt.wait_s:.0f}"}
            return HTMLResponse(sign_in_page.page(target, said, _own_path()), 429, headers)
        return HTMLResponse(sign_in_page.page(target, "That token is not right.", _own_path()), 401, _PRIVATE)

    def _compare(self, request: Request, presented: str | bytes, token: str) -> "_Attempt":
        """Compare a token, unless its address has guessed too often."""
        address, now = request.client.host if request.client else "", time.monotonic()
        if wait_s := self._guesses.wait_s(address, now):
            return _Attempt(right=False, wait_s=max(wait_s, 1.0))
        right = is_right(presented, token)
        if not right:
            self._guesses.add(address, presented, now)
        return _Attempt(right=right)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Whether a token was right, and how long its address has to wait before another one is compared."""

    right: bool
    wait_s: float = 0.0


def _has_cookie(scope: Scope, token: str) -> bool:
    try:
        cookies = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return False
    cookie = cookies.get(session.name(_port()))
    return cookie is not None and session.is_valid(from_environment().log, token, cookie.value)


def _own_path() -> str:
    return f"{base_path()}{PATH}"


def _port() -> int:
    return int(st.get_option("server.port"))


def _path_of(request: Request) -> str:
    """The request's path and parameters, without the token."""
    pairs = [(name, text) for name, text in parse_qsl(request.url.query, keep_blank_values=True) if name != "token"]
    return _local(request.url.path + (f"?{urlencode(pairs)}" if pairs else ""))


def _local(target: str) -> str:
    """A path on this server; `/` for anything that a browser could take for an address of another."""
    is_path = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if is_path and not urlsplit(target).netloc and "\\" not in target else "/"


def _redirect(target: str) -> Response:
    return RedirectResponse(target, 303, _REDIRECT)


def _with_cookie(response: Response, request: Request, token: str) -> Response:
    response.set_cookie(
        session.name(_port()),
        session.new(from_environment().log, token),
        max_age=session.LIFETIME_S,
        httponly=True,
        samesite="lax",  # links in messages open the page
        secure=request.url.scheme == "https",
    )
    return response


def _wait(wait_s: float) -> Response:
    error = "Too many wrong tokens came from this address."
    return JSONResponse(
        {"error": error, "hint": f"Try again in {wait_s:.0f} s."}, 429, {"Retry-After": f"{wait_s:.0f}"}
    )


async def _body(request: Request) -> str:
    """The body of the form; nothing of one that is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_BODY:
            return ""
    return body.decode("utf-8", "replace")
