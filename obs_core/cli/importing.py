"""`python -m obs_core import`: reads trace files into the log."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from obs_core import settings
from obs_core.cli import argument_types
from obs_core.clock import now_ns
from obs_core.errors import FileRefused, NotTraces
from obs_core.ingest import files
from obs_core.ingest.archives import STANDARD_INPUT
from obs_core.ingest.files import Imported
from obs_core.ingest.formats.registry import format_names
from obs_core.store import log, sqlite
from obs_core.store.checkpoints import Checkpoints

_SHOWN: Final = 5
_BAR: Final = 30
_REFUSED: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "files",
        nargs="+",
        type=argument_types.path,
        metavar="FILE",
        help=f"{format_names()}, each also in .gz or .zip; a directory for all files in it; - for standard input",
    )
    parser.add_argument(
        "--log", type=argument_types.log_path, help="the log to import into (OBS_LOG, else logs/main_dashboard_logs.db)"
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="store rows without ids even if a file of this content was imported",
    )
    parser.add_argument(
        "--values", metavar="NAME,…", help="attributes of spans that become values of their calls (OBS_VALUES)"
    )


class _Source(NamedTuple):
    """A file to import, or why it can't be; `listed`: it comes from a directory, and was not named itself."""

    file: Path
    listed: bool = False
    refusal: FileRefused | None = None


def run(options: argparse.Namespace) -> int:
    """Import the files one by one, each whole or not at all; a broken file does not stop the others.

    Raises:
        ObsError: the log can't be written; files that were reported before are in it.
    """
    environment = settings.from_environment()
    target = options.log or environment.log
    sources = list(_sources(options.files, target))
    if all(source.refusal for source in sources):  # before a log is made
        refusals = (source.refusal for source in sources if source.refusal)
        raise next(refusals, FileRefused(f"The directory {options.files[0]} has no files.", "Name another directory."))
    values = environment.values if options.values is None else _names(options.values)
    connection = log.open_log(target)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    checkpoints = Checkpoints(target)  # programs that write to the log must not take this for damage
    done: list[Imported] = []
    broken = 0
    try:
        for number, (file, listed, refusal) in enumerate(sources, 1):
            bar = _Bar(f"{number} of {len(sources)} {file.name}")
            try:
                if refusal:
                    raise refusal
                imported = files.import_file(
                    connection, file, now=now_ns(), again=options.again, values=values, progress=bar.show
                )
            except FileRefused as error:
                bar.clear()
                broken += not (listed and isinstance(error, NotTraces))
                print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
                continue
            bar.clear()
            done.append(imported)
            if checkpoints.explain():
                checkpoints.run(connection)
            _report(imported)
    except sqlite.Error as error:
        raise sqlite.translate_error(error, target) from error
    finally:
        connection.close()
    _sum_up(done, len(sources))
    print(f"The log is {target.absolute()}")
    has_rows = any(result.read > result.refused_count for result in done)
    return _REFUSED if broken or not (has_rows or any(not result.read for result in done)) else 0


def _sources(named: Sequence[Path], log_path: Path) -> Iterator[_Source]:
    for path in named:
        if path.is_dir():
            inside = (file for file in files.within(path) if not _is_log(file, log_path))
            yield from (_Source(file, listed=True) for file in inside)
            continue
        try:
            if _is_log(path, log_path):
                raise NotTraces(f"{path} is the log itself.", "It needs no import.")
            yield _Source(files.checked(path))
        except FileRefused as error:
            yield _Source(path, refusal=error)


def _is_log(file: Path, log_path: Path) -> bool:
    """Whether `file` is the log or belongs to it: closing it would release SQLite's locks of this process."""
    for end in ("", "-wal", "-shm"):
        try:
            if file.samefile(f"{log_path}{end}"):
                return True
        except OSError:  # one of them does not exist
            continue
    return False


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _sum_up(done: Sequence[Imported], file_count: int) -> None:
    if file_count > 1:
        refused = f", {file_count - len(done)} not imported" if len(done) < file_count else ""
        print(f"{len(done)} files{refused}: {_counts(done)}")


def _report(imported: Imported) -> None:
    print(f"{_title(imported.file)}: {_counts([imported])}")
    for part in imported.refused[:_SHOWN]:
        location = " ".join(text for text in (part.member, f"line {part.line}" if part.line else "") if text)
        print(f"  {location}: {part.why}")
    if imported.refused_count > _SHOWN:
        print(f"  … and {imported.refused_count - _SHOWN:,} more")


def _title(file: Path) -> str:
    return "standard input" if file == STANDARD_INPUT else str(file)


def _counts(done: Sequence[Imported]) -> str:
    read, stored, merged, already, refused = (
        sum(getattr(result, name) for result in done)
        for name in ("read", "stored", "merged", "already", "refused_count")
    )
    pieces = f" {merged:,} merged," if merged else ""
    return f"{read:,} rows read, {stored:,} stored,{pieces} {already:,} already there, {refused:,} refused"


class _Bar:
    """A progress bar on the terminal, if there is one."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._shown = sys.stderr.isatty()

    def show(self, share: float) -> None:
        """Show the share of the file that has been read."""
        if self._shown:
            full = round(min(share, 1.0) * _BAR)
            bar = "█" * full + "░" * (_BAR - full)
            print(f"\r\x1b[K{bar} {share:4.0%} {self._label[:60]}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Clear the line for the next output."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
