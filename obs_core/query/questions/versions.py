"""The versions of a function: each source that ran, how its calls behaved, and whether a change made them slower."""

from typing import Any

from pandas import DataFrame, Series

from obs_core.clock import Window
from obs_core.query.analysis import significance
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks


def list_(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """The versions of one function, newest first: a row for each recorded source, by its hash.

    `version` counts them from 1, the oldest. A source that stood in several files, lines or revisions is one version,
    shown as it was recorded last; `code_ids` are its records. `calls` is 0 for one that did not run in the window;
    `first_ns` and `last_ns` are its calls' first and last there, `first_seen` is its first call ever.
    """
    name = checks.text("function", function)
    found = _sources(engine, name)
    behaved = engine.analyse(
        "versions/list",
        checks.clipped(engine, window),
        {"group": checks.text("group", group), "function": name, "codes": _codes(found), "keys": _keys(found)},
    )
    attrs = dict(behaved.attrs)
    behaved = behaved.astype({"first_ns": "Int64", "last_ns": "Int64"})  # a float has 53 bits: no room for these
    found = found.merge(behaved, on="version", how="left").rename(columns={"codes": "code_ids"})
    found[["calls", "errors"]] = found[["calls", "errors"]].fillna(0).astype("int64")
    found.attrs = attrs
    return found


def compare(
    engine: Engine, window: Window, *, group: str | None = None, function: str, older: str, newer: str
) -> DataFrame:
    """How calls behaved under two versions of a function, named by their source hashes: a row each, `older` first.

    `p50_notable` and its like say whether that percentile differs by more than noise (see `query.noise`), the same in
    both rows.
    """
    name = checks.text("function", function)
    older, newer = checks.text("older", older) or "", checks.text("newer", newer) or ""
    sources = _sources(engine, name)
    pair = sources[sources["source_hash"].isin([older, newer])].copy()
    pair["version"] = [0 if digest == older else 1 for digest in pair["source_hash"]]
    parameters = {"group": checks.text("group", group), "function": name}
    found = engine.analyse(
        "versions/compare",
        checks.clipped(engine, window),
        parameters | {"codes": _codes(pair), "keys": _keys(pair)},
    )
    return significance.with_notable(found)


def _sources(engine: Engine, function: str | None) -> DataFrame:
    """A row for each source of the function, newest first, with its number and the ids of its records."""
    records = engine.lookup("versions/sources", {"function": function})
    kept = [_merged(same) for _, same in records.groupby("source_hash", sort=False)]
    columns = [*records.columns.drop("code_id"), "codes"]
    found = DataFrame(kept, columns=columns).astype({"first_seen": "int64"})
    found = found.sort_values("first_seen", ascending=False, kind="stable", ignore_index=True)
    return found.assign(version=range(len(found), 0, -1))


def _merged(same: DataFrame) -> "Series[Any]":
    """Records of one source as one: the newest of them, since its first was seen."""
    newest = same.iloc[0].copy()
    newest["first_seen"] = same["first_seen"].min()
    newest["codes"] = same["code_id"].tolist()
    return newest


def _codes(sources: DataFrame) -> str:
    return ",".join(str(code) for codes in sources["codes"] for code in codes)


def _keys(sources: DataFrame) -> str:
    pairs = zip(sources["codes"], sources["version"], strict=True)
    return ",".join(str(version) for codes, version in pairs for _ in codes)
