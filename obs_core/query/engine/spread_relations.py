"""The relations of rollup statements about the durations and the memory of one function, from whole days.

- `duration_slices`: process_group, function, data, earlier, slice (ten per power of ten), calls, errors, slowest (ns,
  id), sum_ns, m2 (the sum of squared deviations from the mean)
- `memory_buckets`: process_group, function, data, earlier, key (a bucket of a sketch), n, memory, m2

`earlier` is whether they are about calls before the parameter `split_ns`.
"""

from typing import Final

from obs_core.archive.rollups import DECADE_SLICE, MEMORY_BUCKET
from obs_core.clock import DAY
from obs_core.query.engine.rollup_slices import MEASURE_ROWS, Slices, around, rolled_days, whole

NAMES: Final = ("duration_slices", "memory_buckets")

_NAMED: Final = 'process_group, "function", data'
_KINDS: Final = {"duration_slices": "d_durations", "memory_buckets": "d_memory"}
_ROLLED: Final = {
    "duration_slices": "slice, calls, errors, slowest, sum_ns, m2",
    "memory_buckets": "key, n, memory, m2",
}
_ROWS: Final = {
    "duration_slices": f"""{DECADE_SLICE}, 1, (status = 'ERROR')::BIGINT, struct_pack(ns := duration_ns, id := id),
        duration_ns::DOUBLE, 0""",
    "memory_buckets": f"{MEMORY_BUCKET}, 1, memory_delta::DOUBLE, 0",
}
_COUNTED: Final = {"duration_slices": "duration_ns", "memory_buckets": "memory_delta"}


def declared(name: str, slices: Slices) -> str:
    """The declaration of the relation `name`."""
    rolled, edges = "", []
    earlier_rows = "false" if slices.split_ns is None else f"timestamp < {slices.split_ns}"
    for part, earlier in slices.sides():
        inner = whole(part, DAY)
        days = rolled_days(slices.view, inner, _KINDS[name]) if inner else []
        for day in days:
            rolled += slices.of(_KINDS[name], DAY, day, f"{_NAMED}, {earlier} AS earlier, {_ROLLED[name]}")
        edges += around(part, days)
    columns = f"{_NAMED}, earlier, {_ROLLED[name]}"
    return f"""{name}({columns}) AS NOT MATERIALIZED (
        {rolled}
        SELECT {_NAMED}, {earlier_rows} AS earlier, {_ROWS[name]}
        FROM ({slices.rows(MEASURE_ROWS, edges)})
        WHERE kind = 'call' AND {_COUNTED[name]} IS NOT NULL
    )"""
