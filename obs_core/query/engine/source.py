"""What an engine needs of the place where the rows are: a log file (`log_source`), or a store (`clickhouse_source`).

A source runs an SQL file by its name. It decides how, and its answer says which way that was. Everything else (caps,
types, cached answers) is the engine's and the same for all sources.
"""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import pyarrow as pa

from obs_core.clock import Window
from obs_core.issues import Issue
from obs_core.query.engine.failure_rollups import RolledFailures
from obs_core.query.engine.planner import Way
from obs_core.query.engine.sql_file import SqlFile
from obs_core.query.engine.sqlite_reader import Rows
from obs_core.store.foreign import Shape

Dialect = Literal["sqlite", "clickhouse"]


class Source(Protocol):
    """The rows of one log or store. It is safe to use from several threads; its errors are `ObsError`s."""

    @property
    def dialect(self) -> Dialect:
        """The language of the conditions that narrow queries get."""

    @property
    def address(self) -> str:
        """Where the rows are, as people may see it: a path, or a URL without its password."""

    def version(self) -> tuple[int, ...]:
        """Numbers that change whenever the rows do; cheap enough for each question of a page."""

    def shape(self) -> Shape:
        """What the source lacks, in sentences; `native` if its rows can be read by time."""

    def extent(self) -> Window | None:
        """From the first row to just after the last; None while there is none with a time."""

    def narrow(
        self,
        file: SqlFile,
        where_sql: str,
        parameters: Mapping[str, Any],
        *,
        limit: int | None = None,
        limit_s: float | None = None,
        cut: bool = False,
    ) -> tuple[Rows, Way]:
        """The names of the columns and at most `limit` rows of a narrow query, within `limit_s`, and how it was run.

        `where_sql` are conditions in the source's dialect. With `cut`, long cells may be cut.
        """

    def analyse(
        self, file: SqlFile, window: Window, parameters: Mapping[str, Any], *, limit: int | None, exact: bool
    ) -> tuple[pa.Table, Way]:
        """At most `limit` rows of an analytical query about `window`, and how it was run."""

    def mirrored(self, file: SqlFile, window: Window, parameters: Mapping[str, Any], limit: int) -> pa.Table | None:
        """The answer of a copy in memory, if there is one that can answer now."""

    def failures(
        self, window: Window, group: str | None, origin_ns: int, step_ns: int, *, only: Issue | None
    ) -> RolledFailures | None:
        """The issues of whole hours, if the source has counted them."""

    def is_pruned(self, window: Window) -> bool:
        """Whether rows of the window may be missing from the part that narrow queries read first."""

    def bytes_beyond(self, row_bytes: int) -> int:
        """The bytes of the source beyond `row_bytes` for each row; 0 if that is unknown."""

    def warm(self) -> None:
        """Prepare for the first question."""

    def close(self) -> None:
        """Free what the source has opened."""
