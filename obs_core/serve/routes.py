"""The web server's paths that are not pages: the redirect to the first page, health, exports, and a JSON 404."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from obs_core.clock import iso_text, now_ns
from obs_core.errors import ObsError
from obs_core.serve import exports
from obs_core.serve.sign_in import SIGNED_IN
from obs_core.settings import from_environment, store_url
from obs_core.ui.kit.base_path import base_path
from obs_core.ui.shell import answers

_NEW_KEYS: Final = {"l_q": "t_q"}  # parameters of a link of the Logs page, in a link of the Trace Explorer


def routes() -> Sequence[BaseRoute]:
    """Every path that is not a page; the last ones answer 404 where Streamlit would send a page as HTML."""
    settings = from_environment()
    old_page = (
        [Route(f"{base_path()}/logs", trace_explorer)]
        if settings.rollout == "removed" and settings.new_observability
        else []
    )
    base = base_path()
    return [
        *old_page,
        *[Route(path, first_page) for path in dict.fromkeys(("/", f"{base}/", base or "/"))],
        *[Route(path, health) for path in dict.fromkeys(("/healthz", f"{base}/healthz"))],
        Route(f"{base}/export/rows.{{format}}", exports.rows_file),
        Route(f"{base}/export/trace/{{format}}", exports.trace_file),
        Route(f"{base}/export/cell", exports.cell_file),
        Route(f"{base}/{{page}}/_stcore/{{probe}}", not_here),
        Route(f"{base}/api/{{path:path}}", nothing_here),
        Route(f"{base}/export/{{path:path}}", nothing_here),
    ]


async def first_page(request: Request) -> Response:
    """`/` redirects to the Overview (or to Logs, where that is the only page) and keeps the link's parameters."""
    page = "overview" if from_environment().new_observability else "logs"
    query = request.url.query
    return RedirectResponse(f"{base_path()}/{page}" + (f"?{query}" if query else ""), status_code=307)


async def trace_explorer(request: Request) -> Response:
    """Redirect a link of the Logs page, once that is removed, to the same rows in the Trace Explorer."""
    pairs = [(_NEW_KEYS.get(name, name), text) for name, text in request.query_params.multi_items()]
    query = urlencode([(name, text) for name, text in pairs if not name.startswith("l_")])
    return RedirectResponse(f"{base_path()}/trace_explorer" + (f"?{query}" if query else ""), status_code=307)


def health(request: Request) -> Response:
    """Whether the log can be read, its path, and the age of its newest row; 503 while it can't be read.

    Where a token is set, those without it only learn that the server runs.
    """
    if not request.scope.get(SIGNED_IN, True):
        return JSONResponse({"status": "ok"})
    log = from_environment().log
    status: dict[str, Any] = {"status": "ok", "log": str(log.absolute()), "pid": os.getpid()}
    try:
        if store_url():
            status["store"] = answers.engine().address
        status |= _newest(log)
    except ObsError as error:
        status |= {"status": "unreadable", "message": error.message, "hint": error.hint}
    return JSONResponse(status, status_code=503 if status["status"] == "unreadable" else 200)


async def not_here(_: Request) -> Response:
    """Answer Streamlit's probe for a server below a page's path without success, and without an error in the console.

    Its browser side asks `/overview/_stcore/health` before `/_stcore/health`, to find the server's base path.
    """
    return Response(status_code=304)


async def nothing_here(request: Request) -> Response:
    """Answer 404 for a path that is neither a page nor a route."""
    return JSONResponse({"error": f"There is nothing at {request.url.path}."}, status_code=404)


def _newest(log: Path) -> dict[str, Any]:
    if not log.exists() and not store_url():
        return {"status": "no log yet"}
    extent = answers.log_extent()
    if extent is None:
        return {"status": "empty log"}
    newest = extent.to_ns - 1
    return {"newest_row": iso_text(newest), "newest_row_age_s": round((now_ns() - newest) / 1e9, 3)}
