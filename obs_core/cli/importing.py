"""`python -m obs_core import`: trace files become rows of the log."""

import argparse
import sys
from pathlib import Path
from typing import Final

from obs_core import settings
from obs_core.clock import now_ns
from obs_core.ingest import files
from obs_core.ingest.files import Imported
from obs_core.store import log

_SHOWN: Final = 5
_BAR: Final = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="OTLP JSON, or CSV with the seven columns")
    parser.add_argument("--log", type=Path, help="the log to import into (OBS_LOG, else logs/main_dashboard_logs.db)")
    parser.add_argument(
        "--again", action="store_true", help="store rows without ids also if a file of this content was imported"
    )


def run(options: argparse.Namespace) -> int:
    """Import the files one by one, each whole or not at all."""
    chosen = [files.checked(file) for file in options.files]
    target = options.log or settings.from_environment().log
    connection = log.open_(target)
    done: list[Imported] = []
    try:
        for number, file in enumerate(chosen, 1):
            bar = _Bar(f"{number} of {len(chosen)} {file.name}")
            done.append(files.import_file(connection, file, now=now_ns(), again=options.again, tell=bar.tell))
            bar.clear()
            _report(done[-1])
    finally:
        connection.close()
    if len(done) > 1:
        read, stored, already = (sum(getattr(each, name) for each in done) for name in ("read", "stored", "already"))
        print(f"{len(done)} files: {_counts(read, stored, already, sum(len(each.refused) for each in done))}")
    print(f"The log is {target.absolute()}")
    return 0


def _report(imported: Imported) -> None:
    counts = _counts(imported.read, imported.stored, imported.already, len(imported.refused))
    print(f"{imported.file}: {counts}")
    for part in imported.refused[:_SHOWN]:
        print(f"  line {part.line}: {part.why}")
    if len(imported.refused) > _SHOWN:
        print(f"  … and {len(imported.refused) - _SHOWN:,} more")


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
