"""Recovery: moves the spools of dead processes (on request also of living ones) into the log, each by itself.

A spool that can't be read never stops the next one: it is set aside under another name, with a sentence for people.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from obs_core import heartbeat, safe_files
from obs_core.capture.drain.drain import Drain
from obs_core.capture.drain.orphan import NewerSpool, OrphanSpool, UnfinishedSpool, UnreadableSpool
from obs_core.capture.spool.spool_file import SUFFIX, UNFINISHED
from obs_core.errors import ObsError
from obs_core.process_identity import pid_namespace
from obs_core.system import os, sleep, time_ns

BAD: Final = ".bad"
_UNFINISHED_S: Final = 3600  # making a spool takes milliseconds
_TRIES: Final = 5  # whoever reads the status holds the lock for a moment
_MOST_REPORTED: Final = 1000
_reported: Final[set[tuple[str, str]]] = set()
Report = Callable[[str], None]
Life = Literal["dead", "alive", "unknown"]


def recover(folder: str, log: Path, *, skip: str = "", live: bool = False, report: Report | None = None) -> int:
    """Move the rows of dead writers' spools in `folder` into `log`, delete the spools, and return the number of rows.

    With `live`, also move the rows of living writers and keep their spools. The spool named `skip` is not touched.
    `report` gets a sentence about each spool that can't be read, once.
    """
    moved = 0
    for path in spools(folder):
        if path.name == skip + SUFFIX:
            continue
        try:
            moved += _recover_one(path, log, live=live, report=report)
        except FileNotFoundError:  # somebody else recovered it meanwhile
            continue
        except Exception as error:  # noqa: BLE001 - one odd spool must not keep the rows of the others
            _report_once(report, path, f"{name_of(path)} can't be recovered: {reason(error)}.")
    return moved


def spools(folder: str, suffix: str = SUFFIX) -> list[Path]:
    """The files in `folder` with the suffix of spools, by name; removes what was never finished."""
    try:
        safe_files.check_folder(folder)
        with os.scandir(folder) as entries:
            paths = sorted(Path(entry.path) for entry in entries)
    except OSError:
        return []
    for path in paths:
        if path.name.endswith(SUFFIX + UNFINISHED):
            _remove_unfinished(path)
    return [path for path in paths if path.name.endswith(suffix)]


def life_of(spool: OrphanSpool, namespace: str, now_ns: int, *, shared: bool = False) -> Life:
    """Whether the owner of `spool` lives. If it is dead, this process holds the lock of the spool until it is closed.

    The lock of the file decides. Without one (an older version, or a file system without locks) the pid does; that of
    another container says nothing, so such a spool is kept until it has been silent for a week.
    """
    header = spool.header
    seems_alive = header.owner_is_alive(namespace, now_ns)
    locked = safe_files.lock(spool.descriptor, shared=shared)
    for _ in range(0 if seems_alive or shared else _TRIES):
        if locked is False:
            sleep(0.005)
            locked = safe_files.lock(spool.descriptor, shared=shared)
    if header.is_locked and locked is not None:
        return "dead" if locked or (shared and header.ended) else "alive"
    if seems_alive or locked is False:
        return "alive"
    return "dead" if header.owner_is_surely_dead(namespace, now_ns) else "unknown"


def _recover_one(path: Path, log: Path, *, live: bool, report: Report | None) -> int:
    try:
        spool = OrphanSpool(path)
    except UnfinishedSpool:
        _remove_unfinished(path)
        return 0
    except NewerSpool as error:
        _report_once(report, path, f"{name_of(path)} is kept: {error}.")
        return 0
    except UnreadableSpool as error:
        _set_aside(path, f"can't be read: {error}", report)
        return 0
    except PermissionError as error:
        if path.is_symlink() or not path.is_file():
            _set_aside(path, f"is not a spool: {error.strerror}", report)
        else:
            _report_once(report, path, f"{name_of(path)} can't be opened: {error.strerror}.")
        return 0
    except IsADirectoryError as error:
        _set_aside(path, f"is not a spool: {error.strerror}", report)
        return 0
    try:
        return _drain_spool(spool, log, live=live, report=report)
    finally:
        spool.close()


def _drain_spool(spool: OrphanSpool, log: Path, *, live: bool, report: Report | None) -> int:
    header, namespace, now = spool.header, pid_namespace(), time_ns()
    life = life_of(spool, namespace, now)
    if life == "alive":
        owner_holds = header.lease_pid == header.pid
        if not live or header.ended or not (owner_holds or header.lease_is_free(namespace, now)):
            return 0
    else:
        if life == "dead":
            header.ended = 1
        spool.number_orphan_segments()
    drain = Drain(spool, log)
    drain.take_lease()
    moved = 0
    try:
        while batch := drain.step():
            heartbeat.beat()
            moved += batch
        header.recovered += moved
        if life == "dead" and _is_empty(spool, drain) and drain.is_confirmed():
            _end(spool, drain, moved, report)
        header.lease_pid = 0
    finally:
        drain.close()
    return moved


def _is_empty(spool: OrphanSpool, drain: Drain) -> bool:
    return not spool.read(drain.position, 1)[0] and drain.breaker.state == "closed"


def _end(spool: OrphanSpool, drain: Drain, moved: int, report: Report | None) -> None:
    """Delete a spool after its rows are in the log, or set it aside if some could not be read."""
    if spool.is_damaged or spool.is_cut_short:
        why = "was cut short" if spool.is_cut_short else "is damaged"
        _set_aside(spool.path, f"{why}: {moved:,} rows were moved, others may be lost", report)
    else:
        spool.path.unlink(missing_ok=True)
    drain.remove_position()


def _set_aside(path: Path, why: str, report: Report | None) -> None:
    """Give `path` another name, so that nobody tries to read it again; nothing is deleted."""
    aside = path.with_name(path.name + BAD)
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    except OSError as error:
        _report_once(report, path, f"{name_of(path)} {why}. It can't be set aside: {error.strerror}.")
    else:
        _report_once(report, path, f"{name_of(path)} {why}. It is set aside as {name_of(aside)}.")


def _remove_unfinished(path: Path) -> None:
    """Delete the spool of a process that died while it made it: without a complete header it never held a frame."""
    with suppress(OSError):
        if time_ns() / 1e9 - path.lstat().st_mtime > _UNFINISHED_S:
            path.unlink()


def _report_once(report: Report | None, path: Path, sentence: str) -> None:
    """Report `sentence` about `path`, unless it was reported before."""
    if report is None or (str(path), sentence) in _reported:
        return
    if len(_reported) < _MOST_REPORTED:
        _reported.add((str(path), sentence))
    report(sentence)


def name_of(path: Path) -> str:
    """The name of a file as text that can be printed and stored."""
    return path.name.encode("utf-8", "backslashreplace").decode("utf-8")


def reason(error: Exception) -> str:
    """What an error says, for a sentence."""
    if isinstance(error, ObsError):
        return error.message.rstrip(".")
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
