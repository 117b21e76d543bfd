"""Checks of archive and shared lake: what the sealer does, why it stopped, and how much space log and archive have."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from obs_core.archive import progress, space
from obs_core.cli.checks.finding import Finding
from obs_core.clock import SECOND, iso_text
from obs_core.errors import ObsError
from obs_core.lake import address
from obs_core.lake import progress as lake_progress
from obs_core.settings import Settings, store_url
from obs_core.store import foreign, sqlite

_LATE_S: Final = 900


def sealer(log: Path, now_ns: int) -> Finding:
    """Whether the sealer runs and makes progress; if not, why."""
    last = progress.read(log)
    if last is None:
        return Finding("sealer", "ok", _without_archive(log))
    share = f"{last.share_text} rows are archived" if last.rows else "the log is empty"
    passed = f"{max(0, now_ns - last.time_ns) // SECOND:,} s ago"
    state = last.state(now_ns)
    if state == "running":
        return Finding("sealer", "ok", f"Running (pid {last.pid}), last step {passed}: {share}.")
    if state == "silent":
        text = f"pid {last.pid} makes no progress, last step {passed}: {share}."
        return Finding("sealer", "warning", text, "Let it continue, or end it: the next sealer resumes its work.")
    if state == "failed":
        return Finding("sealer", "warning", f"Stopped at {iso_text(last.time_ns)}: {last.error}", last.hint)
    return Finding("sealer", "ok", f"Not running, last step {passed}: {share}.")


def _without_archive(log: Path) -> str:
    try:
        with closing(sqlite.connect(log)) as connection:
            is_ours = foreign.shape(connection, log).native
    except (ObsError, sqlite.Error):
        is_ours = True  # the check of the log says what is wrong
    if is_ours:
        return "Nothing of this log is archived yet."
    return "Another program made this log: it is read as it is, and neither archived nor shortened."


def store(log: Path, url: str) -> Iterator[Finding]:
    """Whether the store that pages show can be read, if OBS_STORE names one."""
    if not url:
        return
    from obs_core.query.engine.opening import engine_on  # noqa: PLC0415 - `doctor` runs also without the dashboard

    try:
        with engine_on(log, url) as engine:
            extent = engine.extent()
            rows = f"rows up to {iso_text(extent.to_ns - 1)}" if extent else "no rows yet"
            yield Finding("store", "ok" if extent else "warning", f"{engine.address} has {rows}.")
    except ObsError as error:
        yield Finding("store", "error", error.message, error.hint)


def lake(log: Path, settings: Settings, now_ns: int) -> Iterator[Finding]:
    """How far the log is written to the shared lake, if OBS_STORE names one, and why not further."""
    if not settings.store or store_url():
        return
    try:
        store = address.of_setting(settings.store)
    except ObsError as error:
        yield Finding("lake", "error", error.message, error.hint)
        return
    if store is None:
        yield Finding("lake", "warning", "OBS_STORE names no store that is known.", "OBS_STORE=ducklake:postgres://…")
        return
    last = lake_progress.read(log)
    if last is None or last.store != store.shown:
        hint = "A running watcher writes it, or: python -m obs_core lake write"
        yield Finding("lake", "warning", f"Nothing of this log was written to {store.shown} yet.", hint)
        return
    complete = iso_text(last.complete_ns) if last.complete_ns else "not yet"
    text = f"This log is number {last.writer} in {store.shown}, complete until {complete}; pages read the log itself."
    passed_s = (now_ns - last.time_ns) // SECOND
    if last.error:
        yield Finding("lake", "warning", f"{text} Stopped at {iso_text(last.time_ns)}: {last.error}", last.hint)
    elif passed_s > _LATE_S:
        yield Finding("lake", "warning", f"{text} Nothing was written for {passed_s:,} s.", "Start a watcher.")
    else:
        yield Finding("lake", "ok", text)


def size(log: Path) -> Finding:
    """How large log and archive are, how large they may be, and when they will be, as the watcher says."""
    known = space.read(log)
    if known is None:
        return Finding("size", "ok", "No watcher runs for this log, so nothing limits its size.")
    text = f"Log {known.now.log_bytes / 1e6:,.1f} MB, archive {known.now.archive_bytes / 1e6:,.1f} MB"
    full = f"; {known.full_text}" if known.full_text else ""
    if known.max_bytes is None:
        return Finding("size", "ok", f"{text}; nothing limits them but the disk{full}.")
    limit = f"of at most {known.max_bytes / 1e6:,.0f} MB"
    origin = f" ({100 * space.SHARE:.0f} % of the space that the disk had for them)" if known.is_default else ""
    hint = "Then the oldest rows are deleted. OBS_MAX_SIZE sets another size." if full else ""
    return Finding("size", "ok", f"{text}, {limit}{origin}{full}.", hint)
