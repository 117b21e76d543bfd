"""The conditions of a row filter in the dialect of an engine's source."""

from obs_core.clock import Window
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import clickhouse_where, where
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.filters.where import WhereClause


def where_clause(engine: Engine, window: Window, row_filter: RowFilter, *, group: str | None = None) -> WhereClause:
    """The conditions under which a row of `engine` is in `window` and `group` and matches `row_filter`.

    Raises:
        BadParameter: a field has a value that it can't have.
    """
    clause = clickhouse_where.where_clause if engine.dialect == "clickhouse" else where.where_clause
    return clause(window, row_filter, group=group)


def by_ids(engine: Engine) -> str:
    """The condition that a row has one of the ids in the parameter `ids`, a JSON list."""
    return clickhouse_where.BY_IDS if engine.dialect == "clickhouse" else "id IN (SELECT value FROM json_each(:ids))"
