"""Plans for logs with an archive: the pieces and the newer rows in place of the log, or rollups for long windows."""

import re
from collections.abc import Mapping

from obs_core.archive.rollups import ROW_COLUMNS, SLOT
from obs_core.clock import HOUR, Window
from obs_core.query.engine import mirror, planner, rollup_relations, rollup_slices, self_times
from obs_core.query.engine.archive_reader import ArchiveView
from obs_core.query.engine.sql_file import SqlFile
from obs_core.store.foreign import Shape


def archived(
    file: SqlFile,
    shape: Shape,
    window: Window,
    parameters: Mapping[str, object],
    view: ArchiveView,
    *,
    tail: planner.Tail,
    limit: int | None,
) -> planner.Plan | None:
    """How to run `file` on the archive's rows and, through `tail`, the rows that are not sealed yet.

    None if the archive or the tail lacks a column.
    """
    columns = planner.columns_of(file)
    if set(columns) - set(ROW_COLUMNS):
        return None
    if tail == "mirror" and planner.mirrored(file, shape, window, parameters, limit) is None:
        return None
    grouped = parameters.get("group") is not None
    newer = _tail(file, shape, tail, grouped=grouped)
    base = f"tail {newer}, base AS NOT MATERIALIZED (SELECT * FROM tail)"
    if files := view.files("rows"):
        pieces = _pieces(file, shape, files, grouped=grouped, has_superseded=view.has_superseded)
        base = f"tail {newer}, base AS NOT MATERIALIZED ({pieces} UNION ALL SELECT * FROM tail)"
    statement = planner.statement_over(base, file, limit).replace(
        " AS MATERIALIZED (SELECT", " AS NOT MATERIALIZED (SELECT"
    )
    return planner.Plan(
        statement, planner.bound_parameters(statement, window, {**parameters, "until_id": view.until_id}), "archive"
    )


def rolled(
    file: SqlFile,
    shape: Shape,
    window: Window,
    parameters: Mapping[str, object],
    view: ArchiveView,
    *,
    tail: planner.Tail,
    limit: int | None,
) -> planner.Plan | None:
    """How to run `file` on the archive's rollups and the newer rows; percentiles differ by at most 1 %.

    None if there is no such statement, or the window or the slices of the answer do not consist of rollups.
    """
    is_whole = rollup_slices.whole(window, HOUR) is not None
    step_ns = parameters.get("step_ns", 0)
    assert isinstance(step_ns, int)
    unit_ns = HOUR if file.rollup and re.search(r"\b(hours|hourly_readings)\b", file.rollup) else SLOT
    if file.rollup is None or view.has_superseded or not is_whole or step_ns % unit_ns or window.from_ns < 0:
        return None
    if any(map(_is_given, (parameters.get(name) for name in file.rollup_without))):
        return None
    needs_children = bool(rollup_slices.names_in(file.rollup, self_times.NAMES))
    if needs_children and view.last_ns >= window.to_ns:
        return None
    grouped = parameters.get("group") is not None
    newer = _tail(rollup_relations.rows_of(file.rollup), shape, tail, grouped=grouped)
    relations, partials = rollup_relations.relations(file.rollup, window, view, parameters)
    if needs_children:
        relations = f"{self_times.newer_traces(shape, repaired=tail == 'sqlite_query in hex')}, {relations}"
    end = "" if limit is None else f" LIMIT {limit}"
    statement = f"WITH tail {newer}, {relations} SELECT * FROM (\n{file.rollup}\n){end}"
    bound = planner.bound_parameters(statement, window, {**parameters, "until_id": view.until_id})
    return planner.Plan(statement, bound, "rollup", partials)


def _is_given(parameter: object) -> bool:
    """Whether a parameter limits the answer: a list does if one of its items does."""
    return any(parameter) if isinstance(parameter, list | tuple) else bool(parameter)


def _pieces(file: SqlFile, shape: Shape, files: list[str], *, grouped: bool, has_superseded: bool) -> str:
    """The window's rows in the pieces of an archive."""
    hashed = planner.hashed_columns(file)
    columns = [
        f'{mirror.hashed(column)} AS "{column}"' if column in hashed else f'"{column}"'
        for column in planner.columns_of(file)
    ]
    where = f"timestamp >= $from_ns AND timestamp < $to_ns{' AND process_group = $group' if grouped else ''}"
    if has_superseded:
        where += " AND id NOT IN (SELECT id::BIGINT FROM sqlite_query('log', 'SELECT id FROM superseded'))"
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in files)
    return f"SELECT {', '.join([*columns, *planner.flags_of(file, shape)])} FROM read_parquet([{names}]) WHERE {where}"


def _tail(file: SqlFile, shape: Shape, tail: planner.Tail, *, grouped: bool) -> str:
    """The declaration of the window's rows that are newer than the archive."""
    if tail == "mirror":
        rows = planner.scan(file, shape, grouped=grouped, table=mirror.TABLE).partition(" (")[2].removesuffix(")")
        return f"AS NOT MATERIALIZED ({rows} AND id > $until_id)"
    repaired = tail == "sqlite_query in hex"
    rows = planner.sqlite_query(file, shape, grouped=grouped, repaired=repaired, indexed=False, newer=True)
    return f"AS MATERIALIZED ( {rows.partition(' (')[2]}"
