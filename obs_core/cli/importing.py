"""`python -m obs_core import`: trace files become rows of the log."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from obs_core import settings
from obs_core.clock import now_ns
from obs_core.errors import FileRefused, NotTraces
from obs_core.ingest import files
from obs_core.ingest.archives import STANDARD_INPUT
from obs_core.ingest.files import Imported
from obs_core.ingest.formats.registry import format_names
from obs_core.store import log

_SHOWN: Final = 5
_BAR: Final = 30
_REFUSED: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help=f"{format_names()}, each also in .gz or .zip; a directory for all files in it; - for standard input",
    )
    parser.add_argument("--log", type=Path, help="the log to import into (OBS_LOG, else logs/main_dashboard_logs.db)")
    parser.add_argument(
        "--again", action="store_true", help="store rows without ids also if a file of this content was imported"
    )
    parser.add_argument(
        "--values", metavar="NAME,…", help="attributes of spans that become values of their calls (OBS_VALUES)"
    )


class _Chosen(NamedTuple):
    """A file to import; `found` says that it was found in a directory, not named."""

    file: Path
    found: bool


def run(options: argparse.Namespace) -> int:
    """Import the files one by one, each whole or not at all; a broken one does not keep the others out."""
    chosen = list(_chosen([files.checked(file) for file in options.files]))
    if not chosen:
        raise FileRefused(f"There is no file in {options.files[0]}.", "Name another directory.")
    environment = settings.from_environment()
    target = options.log or environment.log
    values = environment.values if options.values is None else _names(options.values)
    connection = log.open_log(target)
    done: list[Imported] = []
    broken = 0
    try:
        for number, (file, found) in enumerate(chosen, 1):
            bar = _Bar(f"{number} of {len(chosen)} {file.name}")
            try:
                imported = files.import_file(
                    connection, file, now=now_ns(), again=options.again, values=values, tell=bar.tell
                )
            except FileRefused as error:
                bar.clear()
                broken += not (found and isinstance(error, NotTraces))
                print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
                continue
            bar.clear()
            done.append(imported)
            _report(imported)
    finally:
        connection.close()
    _sum_up(done, len(chosen))
    print(f"The log is {target.absolute()}")
    return _REFUSED if broken or not done else 0


def _chosen(named: Sequence[Path]) -> Iterator[_Chosen]:
    for path in named:
        if path.is_dir():
            yield from (_Chosen(file, found=True) for file in files.within(path))
        else:
            yield _Chosen(path, found=False)


def _names(words: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in words.split(",") if name.strip())


def _sum_up(done: Sequence[Imported], chosen: int) -> None:
    if chosen > 1:
        read, stored, already = (sum(getattr(each, name) for each in done) for name in ("read", "stored", "already"))
        refused = f", {chosen - len(done)} not imported" if len(done) < chosen else ""
        counts = _counts(read, stored, already, sum(each.refused_count for each in done))
        print(f"{len(done)} files{refused}: {counts}")


def _report(imported: Imported) -> None:
    counts = _counts(imported.read, imported.stored, imported.already, imported.refused_count)
    print(f"{_title(imported.file)}: {counts}")
    for part in imported.refused[:_SHOWN]:
        place = " ".join(word for word in (part.member, f"line {part.line}" if part.line else "") if word)
        print(f"  {place}: {part.why}")
    if imported.refused_count > _SHOWN:
        print(f"  … and {imported.refused_count - _SHOWN:,} more")


def _title(file: Path) -> str:
    return "standard input" if file == STANDARD_INPUT else str(file)


def _counts(read: int, stored: int, already: int, refused: int) -> str:
    return f"{read:,} rows read, {stored:,} stored, {already:,} already there, {refused:,} refused"


class _Bar:
    """A progress bar on the terminal, if there is one."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._shown = sys.stderr.isatty()

    def tell(self, share: float) -> None:
        """Show how much has been read."""
        if self._shown:
            full = round(min(share, 1.0) * _BAR)
            bar = "█" * full + "░" * (_BAR - full)
            print(f"\r\x1b[K{bar} {share:4.0%} {self._label[:60]}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave the line to what comes next."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
