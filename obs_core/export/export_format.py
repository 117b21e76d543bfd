"""What an export format is: one object per format, in the module of the format, under the name `FORMAT`."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from obs_core.errors import ObsError
from obs_core.model import Row

_CHUNK: Final = 1 << 18  # characters; each chunk moves between thread and loop (64 kB: 0.7 s more for a million rows)
_log: Final = logging.getLogger(__name__)


class Options(NamedTuple):
    """How to write a file.

    `raw`: do not escape cells that a spreadsheet would run as formulas. `max_held`: rows held in memory by formats that
    group rows, None for their default. `left_out` is called with the number of rows that the format can't hold.
    """

    raw: bool = False
    max_held: int | None = None
    left_out: Callable[[int], None] = lambda _: None


DEFAULTS: Final = Options()


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format that rows are written in.

    `name` is the value of `--format`, `label` what menus and help call it, `suffix` the end of file names. `write`
    returns the file in chunks; where the rows fail, the rows before are written first, and the error is raised.
    `cut_notice` is what ends a file that is not complete; None where a reader notices by itself.
    The dashboard offers the format for the rows of a page or for one trace: `offered_for`.
    """

    name: str
    label: str
    suffix: str
    media_type: str
    write: Callable[[Iterable[Row], Options], Iterator[bytes]]
    offered_for: Literal["rows", "trace"]
    cut_notice: Callable[[str], bytes] | None = None
    is_text: bool = True
    escapes_formulas: bool = False

    def parts(self, rows: Iterable[Row], options: Options = DEFAULTS) -> Iterator[bytes]:
        """The file for a client that is already reading: if the log fails, the file ends with the cut notice."""
        try:
            yield from self.write(rows, options)
        except ObsError as error:
            if self.cut_notice is None:
                raise
            _log.warning("An export was cut: %s", error.message)
            yield self.cut_notice(f"{error.message} {error.hint}")


def _encoded(texts: list[str]) -> bytes:
    """UTF-8; half of a surrogate pair, which JSON in a log may contain, is written as JSON's escape for it."""
    return "".join(texts).encode("utf-8", "backslashreplace")


def joined(texts: Iterable[str]) -> Iterator[bytes]:
    """Small texts as large chunks of UTF-8."""
    held: list[str] = []
    size = 0
    try:
        for text in texts:
            held.append(text)
            size += len(text)
            if size >= _CHUNK:
                yield _encoded(held)
                held, size = [], 0
    except ObsError:
        yield _encoded(held)
        raise
    yield _encoded(held)
