"""The SQL of the pieces: the rows of one day, and the rollups of them. Each reads a table `wide` of one day's rows.

A *sketch* of durations has two lists, `keys` and `counts`: the number of durations of 1 ns and more in each bucket
(G^(key-1), G^key]. With G = 1.01 / 0.99 every value differs by at most 1 % from the value of its bucket,
2 G^key / (G + 1) (Masson, Rim, Lee: DDSketch, VLDB 2019, section 2.2). Shorter durations have the key `ZERO_KEY` and
the value 0.
"""

import math
from typing import Final

from obs_core.clock import DAY, HOUR, MINUTE
from obs_core.store.foreign import COLUMNS

SLOT: Final = 5 * MINUTE
"""The slice of time that `r_rows` counts, in nanoseconds."""
GAMMA: Final = 1.01 / 0.99
ZERO_KEY: Final = -32_768
BUCKET: Final = (
    f"CASE WHEN duration_ns > 0 THEN ceil(ln(duration_ns) / {math.log(GAMMA)!r})::SMALLINT"
    f" WHEN duration_ns IS NOT NULL THEN ({ZERO_KEY})::SMALLINT END"
)
"""SQL for the bucket of a call's duration; NULL without one."""
BUCKET_NS: Final = f"CASE WHEN key > {ZERO_KEY} THEN 2 * pow({GAMMA!r}, key) / {GAMMA + 1!r} ELSE 0 END"
"""SQL for the duration that a bucket represents."""
_MAGNITUDE: Final = f"(ceil(ln(abs(memory_delta::DOUBLE)) / {math.log(GAMMA)!r}) + 1)::SMALLINT"
MEMORY_BUCKET: Final = (
    f"CASE WHEN memory_delta > 0 THEN {_MAGNITUDE} WHEN memory_delta < 0 THEN -{_MAGNITUDE}"
    " WHEN memory_delta = 0 THEN 0::SMALLINT END"
)
"""SQL for the bucket of a call's memory, in the order of the values: negative ones have negative keys."""
MEMORY_VALUE: Final = f"CASE WHEN key = 0 THEN 0 ELSE sign(key) * 2 * pow({GAMMA!r}, abs(key) - 1) / {GAMMA + 1!r} END"
"""SQL for the memory that a bucket represents."""
DECADE_SLICE: Final = "floor(10 * log10(greatest(duration_ns, 1)))::INTEGER"
"""SQL for the number of a duration's slice, of ten per power of ten."""

ROW_COLUMNS: Final = (*COLUMNS, "covered_ns", "caller")


def slot(unit_ns: int) -> str:
    """SQL for the number of the slice of `unit_ns` nanoseconds since 1970 that a row is in, also before 1970."""
    return f"(timestamp // {unit_ns} - (timestamp % {unit_ns} < 0)::BIGINT)"


def statements() -> dict[str, str]:
    """The statement of each kind of piece, by its name."""
    return {
        "rows": _ROWS, "r_rows": _R_ROWS, "r_calls": _calls(HOUR), "d_calls": _calls(DAY), "r_traces": _R_TRACES,
        "r_fails": _R_FAILS, "r_values": _values(HOUR), "d_values": _values(DAY),
        "d_durations": _D_DURATIONS, "d_memory": _D_MEMORY,
    }  # fmt: skip


def _calls(unit_ns: int) -> str:
    """The calls of each function by slices of time: a day has a tenth of the entries of its hours."""
    return _CALLS.format(slot=slot(unit_ns), bucket=BUCKET)


def _values(unit_ns: int) -> str:
    """The readings of each series by slices of time."""
    return _VALUES.format(slot=slot(unit_ns))


_QUOTED: Final = ", ".join(f'"{column}"' for column in ROW_COLUMNS)
_ROWS: Final = f"SELECT {_QUOTED} FROM wide ORDER BY timestamp, id"
_R_ROWS: Final = f"""
    SELECT
        {slot(SLOT)} AS slot, process_group, process,
        count(*) FILTER (kind = 'call') AS calls,
        count(*) FILTER (kind = 'call' AND status = 'ERROR') AS errors,
        count(*) FILTER (kind = 'value') AS readings,
        count(*) FILTER (kind = 'log') AS logs,
        count(*) AS "rows",
        sum(duration_ns::DOUBLE) FILTER (kind = 'call') AS sum_ns,
        min(timestamp) AS first_ns, max(timestamp) AS last_ns
    FROM wide
    GROUP BY ALL
    ORDER BY slot, process_group, process
"""
_CALLS: Final = """
    SELECT
        slot, process_group, "function", data,
        sum(n)::BIGINT AS calls, sum(failed)::BIGINT AS errors,
        coalesce(sum(n) FILTER (key IS NOT NULL), 0)::BIGINT AS timed,
        sum(sum_ns) AS sum_ns, min(min_ns) AS min_ns, max(max_ns) AS max_ns, sum(self_ns) AS self_ns,
        sum(measured)::BIGINT AS measured, sum(memory) AS memory, max(last_ns) AS last_ns,
        list(key ORDER BY key) FILTER (key IS NOT NULL) AS keys,
        list(n ORDER BY key) FILTER (key IS NOT NULL) AS counts
    FROM (
        SELECT
            {slot} AS slot, process_group, "function", data, {bucket} AS key,
            count(*) AS n, count(*) FILTER (status = 'ERROR') AS failed, sum(duration_ns::DOUBLE) AS sum_ns,
            min(duration_ns) AS min_ns, max(duration_ns) AS max_ns, sum(self_ns::DOUBLE) AS self_ns,
            count(memory_delta) AS measured, sum(memory_delta::DOUBLE) AS memory, max(timestamp) AS last_ns
        FROM wide
        WHERE kind = 'call'
        GROUP BY ALL
    )
    GROUP BY ALL
    ORDER BY slot, process_group, "function", data
"""
_R_TRACES: Final = """
    SELECT
        trace_id, process_group, min(timestamp) AS first_ns, max(timestamp) AS last_ns, count(*) AS calls,
        count(*) FILTER (status = 'ERROR') AS errors
    FROM wide
    WHERE kind = 'call' AND trace_id IS NOT NULL
    GROUP BY ALL
    ORDER BY trace_id, process_group
"""

_R_FAILS: Final = f"""
    SELECT
        {slot(HOUR)} AS slot, within_group, process_group, "type", location, "key",
        coalesce(nullif("function", ''), data) AS "function",
        count(*) FILTER (raised) AS raised, count(*) FILTER (NOT raised) AS passed,
        min(timestamp) FILTER (raised) AS first_ns,
        max(struct_pack(ns := timestamp, id := wide.id)) FILTER (raised) AS raised_at,
        max(struct_pack(ns := timestamp, id := wide.id)) FILTER (NOT raised) AS passed_at,
        arg_max(
            struct_pack(
                exception := left(split_part(exception, chr(0), 1), 500), process := process, trace_id := trace_id,
                span_id := span_id, run_id := run_id
            ),
            struct_pack(ns := timestamp, id := wide.id)
        ) FILTER (raised) AS newest
    FROM wide
    JOIN failed ON failed.id = wide.id
    GROUP BY ALL
    ORDER BY slot, within_group, process_group, "type", location, "key", "function"
"""
# What the newest reading lacks (a type, a text, a number) comes from the newest one that has it.
_VALUES: Final = """
    SELECT
        slot, process_group, process, data, readings, newest,
        CASE WHEN newest."type" IS NULL THEN typed END AS typed,
        CASE WHEN newest.text IS NULL THEN texted END AS texted,
        CASE WHEN TRY_CAST(newest.text AS DOUBLE) IS NULL THEN numbered END AS numbered
    FROM (
        SELECT
            {slot} AS slot, process_group, process, data, count(*) AS readings,
            max(struct_pack(ns := timestamp, id := id, "type" := data_type, text := data_value)) AS newest,
            max(struct_pack(ns := timestamp, id := id, "type" := data_type)) FILTER (data_type IS NOT NULL) AS typed,
            max(struct_pack(ns := timestamp, id := id, text := data_value)) FILTER (data_value IS NOT NULL) AS texted,
            max(struct_pack(ns := timestamp, id := id, number := TRY_CAST(data_value AS DOUBLE)))
                FILTER (TRY_CAST(data_value AS DOUBLE) IS NOT NULL) AS numbered
        FROM wide
        WHERE kind = 'value'
        GROUP BY ALL
    )
    ORDER BY slot, process_group, process, data
"""

# `m2` is the sum of squared deviations from the mean of the row: those of several rows can be added up without loss.
_D_DURATIONS: Final = f"""
    SELECT
        {slot(DAY)} AS slot, process_group, "function", data, {DECADE_SLICE} AS slice, count(*) AS calls,
        count(*) FILTER (status = 'ERROR') AS errors, max(struct_pack(ns := duration_ns, id := id)) AS slowest,
        sum(duration_ns::DOUBLE) AS sum_ns, var_pop(duration_ns::DOUBLE) * count(*) AS m2
    FROM wide
    WHERE kind = 'call' AND duration_ns IS NOT NULL
    GROUP BY ALL
    ORDER BY slot, process_group, "function", data, slice
"""
_D_MEMORY: Final = f"""
    SELECT
        {slot(DAY)} AS slot, process_group, "function", data, {MEMORY_BUCKET} AS key, count(*) AS n,
        sum(memory_delta::DOUBLE) AS memory, var_pop(memory_delta::DOUBLE) * count(*) AS m2
    FROM wide
    WHERE kind = 'call' AND memory_delta IS NOT NULL
    GROUP BY ALL
    ORDER BY slot, process_group, "function", data, key
"""

ALWAYS_WRITTEN: Final = ("r_fails", "r_values", "d_values", "d_durations", "d_memory")
"""Kinds of pieces that are written even without rows: a day without one was sealed by an earlier version."""
DAY_NS: Final = DAY
"""The length of the days by which pieces are divided."""
