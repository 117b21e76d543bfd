"""The cookie of a browser that has presented the token.

It holds the time when it expires, and a signature of it with the token and a key in `<log>.d/session.key`. So it never
holds the token, can't be used to guess it, survives a restart, and ends when the token changes.
"""

import hashlib
import hmac
import os
import secrets
import time
from functools import lru_cache
from pathlib import Path
from typing import Final

from obs_core import safe_files
from obs_core.paths import folder_of

LIFETIME_S: Final = 30 * 86_400
_FILE: Final = "session.key"
_KEY_BYTES: Final = 32


def name(port: int) -> str:
    """The cookie's name: browsers send a cookie to every port of a machine, so each server has its own."""
    return f"obs_session_{port}"


def new(log: Path, token: str, now_s: float | None = None) -> str:
    """The value of a cookie that is valid from now on."""
    expires = int(time.time() if now_s is None else now_s) + LIFETIME_S
    return f"{expires}.{_signature(log, token, str(expires))}"


def is_valid(log: Path, token: str, cookie: str, now_s: float | None = None) -> bool:
    """Whether the cookie was made here with this token, and has not expired."""
    expires, _, signature = cookie.partition(".")
    signed = hmac.compare_digest(signature.encode(), _signature(log, token, expires).encode())
    return signed and expires.isdigit() and int(expires) > (time.time() if now_s is None else now_s)


def _signature(log: Path, token: str, expires: str) -> str:
    message = expires.encode() + b"\0" + token.encode("utf-8", "surrogateescape")
    return hmac.new(_key(log), message, hashlib.sha256).hexdigest()


@lru_cache(maxsize=8)
def _key(log: Path) -> bytes:
    """The key of this log's dashboards; where it can't be stored, one for this process."""
    path = Path(folder_of(str(log))) / _FILE
    try:
        safe_files.make_folder(path.parent)
        if (stored := _stored(path)) is None:
            safe_files.replace(path, secrets.token_bytes(_KEY_BYTES))
            stored = _stored(path)
    except OSError:
        stored = None
    return stored or secrets.token_bytes(_KEY_BYTES)


def _stored(path: Path) -> bytes | None:
    try:
        with os.fdopen(safe_files.open_file(path), "rb") as file:
            key = file.read(_KEY_BYTES + 1)
    except FileNotFoundError:
        return None
    return key if len(key) == _KEY_BYTES else None
