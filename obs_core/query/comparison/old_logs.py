"""The rows of a log the way a plain page would read them: one SQL statement, no index of ours, no filter language.

`differences` compares the product's answers with these. So nothing here uses the modules that it compares.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from obs_core.clock import Window
from obs_core.errors import BadParameter
from obs_core.store import sqlite

COLUMNS: Final = ("process", "data", "data_type", "data_value", "timestamp", "status", "exception")
SEARCHED: Final = (0, 1, 3, 6)  # process, data, value and exception
Cells = tuple[str | int | None, ...]


class OldFilter(NamedTuple):
    """What a row must match; None matches every row. `search` ignores case, for an ASCII text of ASCII letters only."""

    group: str | None = None
    process: str | None = None
    status: str | None = None
    search: str | None = None


def rows(path: Path, window: Window, old_filter: OldFilter) -> Iterator[tuple[int, Cells]]:
    """The id and the seven cells of each matching row, newest first.

    Raises:
        ObsError: the file can't be read, or was made by another program.
    """
    conditions, parameters = ["timestamp >= ?", "timestamp < ?"], [window.from_ns, window.to_ns]
    bound: list[object] = [*parameters]
    columns = {"process_group": old_filter.group, "process": old_filter.process, "status": old_filter.status}
    for column, text in columns.items():
        if text:
            conditions.append(f"{column} = ?")
            bound.append(text)
    statement = f"SELECT id, {', '.join(COLUMNS)} FROM data_trace WHERE {' AND '.join(conditions)}"
    with closing(sqlite.connect(path)) as connection:
        try:
            if "process_group" not in _columns(connection):
                message = f"{path} was made by another program: it has no columns to filter by."
                raise BadParameter(message, "Compare a log that this product wrote.")
            for row in connection.execute(f"{statement} ORDER BY timestamp DESC, id DESC", bound):
                if not old_filter.search or _contains(row[1:], old_filter.search):
                    yield row[0], row[1:]
        except sqlite.Error as error:
            raise sqlite.translate_error(error, path) from error


def _columns(connection: sqlite.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM pragma_table_info('data_trace')")}


def _contains(cells: Cells, search: str) -> bool:
    texts = [str(cells[index]) for index in SEARCHED if cells[index] is not None]
    if search.isascii():
        folded = search.encode().lower()  # bytes: only ASCII letters have a lower case
        # SQL's LIKE reads a text up to a NUL
        return any(folded in text.partition("\0")[0].encode("utf-8", "surrogateescape").lower() for text in texts)
    return any(search.casefold() in text.casefold() for text in texts)
