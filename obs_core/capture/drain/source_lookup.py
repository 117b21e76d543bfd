"""Looks up the source code of a traced function by its file and first line."""

import hashlib
import inspect
import linecache

from obs_core.capture.spool.frames import CallSite
from obs_core.capture.values.limits import rules
from obs_core.model import Code
from obs_core.system import os


def code_of(site: CallSite, revision: str | None, started_ns: int, now_ns: int) -> Code:
    """The source code of the function at `site`.

    The text is missing if the file can't be read, or was changed after the program started (`started_ns`): then it may
    differ from the code that ran.
    Secrets in it are redacted; its hash is that of the text as it is.
    """
    source = _source(site.file or "", site.line or 0) if _unchanged(site.file or "", started_ns) else None
    stored = rules.redaction.without_literals(source) if source else source
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest() if source else ""
    return Code(site.function or site.data, site.file, site.line, stored, digest, revision, now_ns)


def _unchanged(file: str, started_ns: int) -> bool:
    try:
        return os.stat(file).st_mtime_ns <= started_ns
    except OSError:
        return True  # not a file: linecache holds the code of a notebook or prompt


def _source(file: str, line: int) -> str | None:
    lines = linecache.getlines(file)
    if not 0 < line <= len(lines):
        return None
    try:
        return "".join(inspect.getblock(lines[line - 1 :]))
    except (SyntaxError, IndexError):
        return None
