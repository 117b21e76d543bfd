"""The relations of rollup statements about values.

- `last_readings`: process_group, process, data, readings; newest (ns, id, type, text), and the newest reading with a
  type, `typed`, and with a text, `texted`; from whole days where there are any
- `hourly_readings`: hour_ns, process, data; newest, and the newest reading with a number, `numbered` (ns, id, number)

`newest` and the like are NULL if there is no such reading. They are compared by time and id.
"""

from collections.abc import Sequence
from typing import Final

from obs_core.clock import DAY, HOUR, Window
from obs_core.query.engine.rollup_slices import VALUE_ROWS, Slices, around, divided, rolled_days, whole

NAMES: Final = ("last_readings", "hourly_readings")

_AT: Final = "ns := newest.ns, id := newest.id"
_LAST: Final = f"""
    process_group, process, data, readings, newest,
    CASE WHEN newest."type" IS NULL THEN typed ELSE struct_pack({_AT}, "type" := newest."type") END AS typed,
    CASE WHEN newest.text IS NULL THEN texted ELSE struct_pack({_AT}, text := newest.text) END AS texted"""
_NUMBER: Final = "TRY_CAST(newest.text AS DOUBLE)"
_HOURLY: Final = f"""
    process, data, newest,
    CASE WHEN {_NUMBER} IS NULL THEN numbered ELSE struct_pack({_AT}, number := {_NUMBER}) END AS numbered"""
_ROWS: Final = """
    SELECT
        timestamp, process_group, process, data, 1::BIGINT AS readings,
        struct_pack(ns := timestamp, id := id, "type" := data_type, text := data_value) AS newest,
        NULL::STRUCT(ns BIGINT, id BIGINT, "type" VARCHAR) AS typed,
        NULL::STRUCT(ns BIGINT, id BIGINT, text VARCHAR) AS texted,
        NULL::STRUCT(ns BIGINT, id BIGINT, number DOUBLE) AS numbered
    FROM ({rows})"""


def declared(name: str, slices: Slices) -> str:
    """The declaration of the relation `name`."""
    return {"last_readings": _last_readings, "hourly_readings": _hourly_readings}[name](slices)


def _last_readings(slices: Slices) -> str:
    inner = whole(slices.window, DAY)
    days = rolled_days(slices.view, inner, "d_values") if inner else []
    rolled, edges = "", []
    for day in days:
        rolled += _merged(slices, "d_values", DAY, [day])
    for rest in around(slices.window, days):
        hours, rows = divided(rest, HOUR)
        some = rolled_days(slices.view, hours, "r_values") if hours else []
        if hours:
            rolled += _merged(slices, "r_values", HOUR, some)
            rows += around(hours, some)
        edges += rows
    rows_ = _ROWS.format(rows=slices.rows(VALUE_ROWS, edges))
    return f"last_readings AS NOT MATERIALIZED ({rolled} SELECT {_LAST} FROM ({rows_}))"


def _merged(slices: Slices, what: str, unit_ns: int, parts: Sequence[Window]) -> str:
    """The readings of each series in these parts of the window in one row, from a table that the worker keeps."""
    rolled = ""
    for part in parts:
        if some := slices.of(what, unit_ns, part, _LAST).removesuffix(" UNION ALL "):
            statement = f"""
                SELECT
                    process_group, process, data, sum(readings)::BIGINT AS readings, max(newest) AS newest,
                    max(typed) AS typed, max(texted) AS texted
                FROM ({some})
                GROUP BY process_group, process, data"""
            rolled += slices.stored(statement, "*")
    return rolled


def _hourly_readings(slices: Slices) -> str:
    hours, edges = divided(slices.window, HOUR)
    rolled = ""
    if hours:
        some = rolled_days(slices.view, hours, "r_values")
        rolled = "".join(slices.of("r_values", HOUR, part, f"slot * {HOUR} AS hour_ns, {_HOURLY}") for part in some)
        edges += around(hours, some)
    rows = _ROWS.format(rows=slices.rows(VALUE_ROWS, edges))
    return f"""hourly_readings AS NOT MATERIALIZED ({rolled} SELECT timestamp AS hour_ns, {_HOURLY} FROM ({rows}))"""
