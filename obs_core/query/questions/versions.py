"""The versions of a function: its recorded sources, how their calls performed, and what a change did to them."""

from typing import Any

from pandas import DataFrame, Series

from obs_core.clock import Window
from obs_core.query.analysis import significance
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks


def list_(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """The versions of one function, newest first: a row for each recorded source, by its hash.

    `version` numbers them from 1, the oldest. The same source in several files, lines or revisions is one version, with
    the file, line and revision of its newest record; `code_ids` are all of its records. `calls` is 0 for a version
    without calls in the window; `first_ns` and `last_ns` are its first and last call there, `first_seen` is its first
    call ever.
    """
    name = checks.text("function", function)
    sources = _sources(engine, name)
    measured = engine.analyse(
        "versions/list",
        checks.clipped(engine, window),
        {"group": checks.text("group", group), "function": name, "codes": _codes(sources), "keys": _keys(sources)},
    )
    attrs = dict(measured.attrs)
    measured = measured.astype({"first_ns": "Int64", "last_ns": "Int64"})  # a float has only 53 bits
    sources = sources.merge(measured, on="version", how="left").rename(columns={"codes": "code_ids"})
    sources[["calls", "errors"]] = sources[["calls", "errors"]].fillna(0).astype("int64")
    sources.attrs = attrs
    return sources


def compare(
    engine: Engine, window: Window, *, group: str | None = None, function: str, older: str, newer: str
) -> DataFrame:
    """The calls of two versions of a function, named by their source hashes: a row each, `older` first.

    `p50_notable`, `p95_notable` and `p99_notable` say whether that percentile differs significantly (see
    `analysis.significance`), the same in both rows.
    """
    name = checks.text("function", function)
    older, newer = checks.text("older", older) or "", checks.text("newer", newer) or ""
    sources = _sources(engine, name)
    pair = sources[sources["source_hash"].isin([older, newer])].copy()
    pair["version"] = [0 if digest == older else 1 for digest in pair["source_hash"]]
    parameters = {"group": checks.text("group", group), "function": name}
    sources = engine.analyse(
        "versions/compare",
        checks.clipped(engine, window),
        parameters | {"codes": _codes(pair), "keys": _keys(pair)},
    )
    return significance.with_notable(sources)


def _sources(engine: Engine, function: str | None) -> DataFrame:
    """One row per source of the function, newest first, with its version number and the ids of its records."""
    records = engine.lookup("versions/sources", {"function": function})
    merged = [_merged(same) for _, same in records.groupby("source_hash", sort=False)]
    columns = [*records.columns.drop("code_id"), "codes"]
    sources = DataFrame(merged, columns=columns).astype({"first_seen": "int64"})
    sources = sources.sort_values("first_seen", ascending=False, kind="stable", ignore_index=True)
    return sources.assign(version=range(len(sources), 0, -1))


def _merged(same: DataFrame) -> "Series[Any]":
    """The records of one source as one: the newest record, with the earliest `first_seen`."""
    newest = same.iloc[0].copy()
    newest["first_seen"] = same["first_seen"].min()
    newest["codes"] = same["code_id"].tolist()
    return newest


def _codes(sources: DataFrame) -> str:
    return ",".join(str(code) for codes in sources["codes"] for code in codes)


def _keys(sources: DataFrame) -> str:
    pairs = zip(sources["codes"], sources["version"], strict=True)
    return ",".join(str(version) for codes, version in pairs for _ in codes)
