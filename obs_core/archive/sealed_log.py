"""The log as the sealer reads it: through DuckDB's scanner only, so that no second SQLite library opens it (ADR 1)."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from obs_core import scanner
from obs_core.archive import failed_calls
from obs_core.archive.log_rows import Rows, is_encoding, query
from obs_core.archive.manifest import Anchor, Sealed, anchor_sql
from obs_core.archive.rollups import DAY_NS, slot, statements
from obs_core.store import sqlite
from obs_core.store.foreign import COLUMNS, NATIVE, Shape

SUPERSEDED: Final = "SELECT id::BIGINT FROM sqlite_query('log', 'SELECT id FROM superseded')"
"""DuckDB's SQL for the ids of rows that were replaced."""
_SAMPLE: Final = 1_000  # rows by which the time of an id is known
_NEAR: Final = ("id", "trace_id", "span_id", "parent_span_id", "function", "data", "timestamp", "duration_ns")
_CALL: Final = "id, trace_id, span_id, parent_span_id, timestamp, duration_ns, coalesce(nullif(\"function\", ''), data)"
# Clipped to the parent and counted from its start, the times fit into 64 bits, also with wrong clocks.
_PAIRED: Final = """
    CREATE OR REPLACE TEMP TABLE paired AS
    WITH pair AS (
        SELECT
            parent.id AS parent_id, child.id AS child_id, parent.name AS caller, parent.mine AS of_mine,
            child.mine AS is_mine, child.duration_ns AS child_ns, parent.duration_ns AS parent_ns,
            child.timestamp::HUGEINT - parent.timestamp AS offset_ns
        FROM near AS child
        JOIN near AS parent ON parent.trace_id = child.trace_id AND parent.span_id = child.parent_span_id
        WHERE child.id <> parent.id AND (child.mine OR parent.mine)
    ),
    spent AS (
        SELECT
            parent_id, least(greatest(offset_ns, 0), parent_ns)::BIGINT AS start_ns,
            greatest(least(offset_ns + child_ns, parent_ns), 0)::BIGINT AS end_ns
        FROM pair
        WHERE of_mine AND child_ns IS NOT NULL AND parent_ns > 0
    ),
    reached AS (
        SELECT
            *, max(end_ns) OVER (
                PARTITION BY parent_id ORDER BY start_ns ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS before_ns
        FROM spent
    ),
    covered AS (
        SELECT parent_id AS id, sum(greatest(end_ns - greatest(start_ns, coalesce(before_ns, 0)), 0)) AS covered_ns
        FROM reached
        GROUP BY parent_id
    ),
    called AS (SELECT child_id AS id, min(caller) AS caller FROM pair WHERE is_mine GROUP BY child_id)
    SELECT coalesce(covered.id, called.id) AS id, covered_ns, caller
    FROM covered FULL JOIN called ON called.id = covered.id
"""
_PLAIN: Final = f"""
    CREATE OR REPLACE TEMP TABLE all_days AS
    SELECT
        {slot(DAY_NS)}::INTEGER AS day, *,
        NULL::BIGINT AS self_ns, NULL::BIGINT AS covered_ns, NULL::VARCHAR AS caller
    FROM batch
"""
_WIDE: Final = f"""
    CREATE OR REPLACE TEMP TABLE all_days AS
    SELECT
        {slot(DAY_NS)}::INTEGER AS day, batch.*,
        CASE WHEN kind = 'call' AND duration_ns IS NOT NULL
            THEN greatest(duration_ns::HUGEINT - coalesce(covered_ns, 0), 0)::BIGINT END AS self_ns,
        nullif(covered_ns, 0)::BIGINT AS covered_ns, caller
    FROM batch
    LEFT JOIN paired ON paired.id = batch.id
"""


class SealedLog:
    """One log, attached to a DuckDB of its own."""

    def __init__(self, path: Path, *, memory_mb: int, shape: Shape = NATIVE) -> None:
        """Attach the log at `path`, which has this `shape`; DuckDB uses one thread and at most `memory_mb` MB.

        Raises:
            OSError: there is no such file.
            scanner.Error: it can't be read.
        """
        self.shape = shape
        self.connection = scanner.connect(memory_mb, threads=1)
        self._claim = sqlite.Claim(path, "duckdb")
        quoted = str(path).replace("'", "''")
        self.connection.execute(f"ATTACH '{quoted}' AS log (TYPE sqlite, READ_ONLY)")

    @property
    def kinds(self) -> Collection[str]:
        """The kinds of pieces that are made of it: of a log that another program made, no rollups."""
        return statements().keys() if self.shape.native else ("rows",)

    def close(self) -> None:
        """Detach the log."""
        self.connection.close()
        self._claim.release()

    def rows(self, statement: str, *parameters: int) -> Sequence[Sequence[Any]]:
        """The rows of SQLite's answer to `statement`, as text."""
        return self.connection.execute(f"SELECT * FROM {query(statement, parameters)}").fetchall()

    def number(self, statement: str, *parameters: int) -> int | None:
        """The only cell of SQLite's answer."""
        rows = self.rows(statement, *parameters)
        return None if not rows or rows[0][0] is None else int(rows[0][0])

    def is_ours(self) -> bool:
        """Whether this product made the log."""
        strict = "SELECT strict FROM pragma_table_list WHERE schema = 'main' AND name = 'data_trace'"
        columns = {name for (name,) in self.rows("SELECT name FROM pragma_table_xinfo('data_trace')")}
        return columns >= set(COLUMNS) and self.number(strict) == 1

    def ends(self) -> tuple[int, int]:
        """The lowest and the highest id; 0 and 0 of an empty log."""
        lowest = self.number(f"SELECT min(id) FROM {self.shape.rows}")
        return lowest or 0, self.number(f"SELECT max(id) FROM {self.shape.rows}") or 0

    def newest_up_to(self, until_id: int) -> int | None:
        """The highest id up to `until_id`."""
        return self.number(f"SELECT max(id) FROM {self.shape.rows} WHERE id <= ?", until_id)

    def belongs(self, sealed: Sealed) -> bool:
        """Whether `sealed` is about this log, not about one that was at this path before."""
        if self.ends()[1] < sealed.until_id:
            return False
        for anchor in (sealed.first, sealed.last):
            rows = self.rows(f"{anchor_sql(self.shape.rows)} WHERE id = ?", anchor.id)
            replaced = self.number(f"SELECT id FROM {self.shape.superseded} WHERE id = ?", anchor.id)
            if not (rows[0][1] == anchor.text if rows else replaced is not None or sealed.may_be_gone(anchor)):
                return False
        return True

    def anchors(self, from_id: int, until_id: int) -> tuple[Anchor, Anchor] | None:
        """The first and the last row of a range of ids; None if it has none."""
        anchors: list[Anchor] = []
        for order in ("id", "id DESC"):
            limits = f"WHERE id > ? AND id <= ? ORDER BY {order} LIMIT 1"
            rows = self.rows(f"{anchor_sql(self.shape.rows)} {limits}", from_id, until_id)
            anchors += [Anchor(int(number), text) for number, text in rows]
        return (anchors[0], anchors[1]) if anchors else None

    def older_ns(self, from_id: int, not_after_ns: int) -> int | None:
        """The time of the latest row with an id up to `from_id`, which is known not to be after `not_after_ns`."""
        if not self.shape.native:
            return self.number(f"SELECT max(timestamp) FROM {self.shape.rows} WHERE id <= ?", from_id)
        # +id keeps SQLite on the index by time: it stops at the first row.
        statement = "SELECT timestamp FROM data_trace WHERE timestamp <= ? AND +id <= ? ORDER BY timestamp DESC LIMIT 1"
        return self.number(statement, not_after_ns, from_id)

    def superseded(self, from_id: int, until_id: int) -> int:
        """How many ids of a range were superseded."""
        statement = f"SELECT count(*) FROM {self.shape.superseded} WHERE id > ? AND id <= ?"
        return self.number(statement, from_id, until_id) or 0

    def load(self, from_id: int, until_id: int, *, look: int) -> int:
        """Read the rows of a range of ids into the table `all_days`, which has the columns `ROW_COLUMNS` and `day`.

        Parents and children are searched for among the `look` ids on either side. Returns how many ids of the range
        were superseded then.
        """
        ids = "id > ? AND id <= ?"
        around = [(from_id - look, from_id), (until_id, until_id + look)]
        near = [Rows(f"{ids} AND kind = 'call'", bound) for bound in around]
        near += self.far_children(from_id, until_id, look=look)
        return self.load_rows([Rows(ids, (from_id, until_id))], near, (from_id, until_id))

    def far_children(self, from_id: int, until_id: int, *, look: int) -> list[Rows]:
        """Calls with ids up to `from_id - look` in traces of long calls of this range, which may be their parents.

        A call is written when it ends, so the children of a long one have much lower ids.
        """
        if not self.shape.native:
            return []
        start = from_id - look
        before_ns = self.number(
            "SELECT max(timestamp) FROM data_trace WHERE id > ? AND id <= ?", start - _SAMPLE, start
        )
        if before_ns is None:
            return []
        long = "id > ? AND id <= ? AND kind = 'call' AND +timestamp < ? AND duration_ns > 0"
        where = f"trace_id IN (SELECT trace_id FROM data_trace WHERE {long}) AND kind = 'call' AND +id <= ?"
        return [Rows(where, (from_id, until_id, before_ns, start))]

    def load_rows(self, mine: Sequence[Rows], near: Sequence[Rows], ids: tuple[int, int]) -> int:
        """Read the rows `mine` into `all_days`, with the calls `near`; as `load`, for the range `ids`."""
        try:
            superseded = self._read(mine, near, ids, repaired=False)
        except scanner.Error as error:
            if not is_encoding(error):
                raise
            superseded = self._read(mine, near, ids, repaired=True)
        if not self.shape.native:
            self.connection.execute(_PLAIN)
            self.connection.execute("DROP TABLE batch")
            return superseded
        failed_calls.resolve(self.connection)
        for statement in (_PAIRED, _WIDE):
            self.connection.execute(statement)
        for table in ("batch", "near", "near_failed", "paired"):
            self.connection.execute(f"DROP TABLE {table}")
        return superseded

    def _read(self, mine: Sequence[Rows], near: Sequence[Rows], ids: tuple[int, int], *, repaired: bool) -> int:
        self.connection.execute("BEGIN TRANSACTION")  # one state of the log
        try:
            batch = " UNION ALL ".join(rows.selected(COLUMNS, self.shape, repaired=repaired) for rows in mine)
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE batch AS {batch}")
            superseded = 0
            if self.shape.native:
                self._read_near(near, is_again=any(rows.files for rows in mine), repaired=repaired)
                superseded = self.superseded(*ids)
            self.connection.execute("COMMIT")
        except BaseException:
            with suppress(scanner.Error):
                self.connection.execute("ROLLBACK")
            raise
        return superseded

    def _read_near(self, near: Sequence[Rows], *, is_again: bool, repaired: bool) -> None:
        """Read what the rows in `batch` need of others: the calls `near` them, and those that failed."""
        if is_again:
            self.connection.execute(f"DELETE FROM batch WHERE id IN ({SUPERSEDED})")
        calls = [f"SELECT {_CALL} AS name, true AS mine FROM batch WHERE kind = 'call'"]
        around = (rows.selected(_NEAR, self.shape, repaired=repaired) for rows in near)
        calls += [f"SELECT {_CALL}, false FROM ({rows})" for rows in around]
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE near AS {' UNION ALL '.join(calls)}")
        failed = [rows._replace(where=f"{rows.where} AND {failed_calls.FAILED}") for rows in near]
        parts = [rows.selected(failed_calls.COLUMNS, self.shape, repaired=repaired) for rows in failed]
        parts = parts or [f"SELECT {', '.join(failed_calls.COLUMNS)} FROM batch WHERE false"]
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE near_failed AS {' UNION ALL '.join(parts)}")
