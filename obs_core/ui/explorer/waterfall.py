"""The waterfall of a trace: its calls and values as a tree, each with a bar for its time."""

import json
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from math import isfinite
from typing import Any, Final, NamedTuple

import streamlit as st
from pandas import DataFrame, Series

from obs_core import theme
from obs_core.query.analysis.critical_path import critical_path
from obs_core.ui.kit.text import plain
from obs_core.ui.shell.answers import derived

HEIGHT: Final = 420
TEXT: Final = 120
"""Characters of a name or a value that a row shows; the row's card has all of it."""

_WEB: Final = resources.files("obs_core.ui.explorer").joinpath("web")
_HTML: Final = """
<div class="wf">
  <div class="bar-top">
    <input type="search" data-do="search" placeholder="Search  /" aria-label="Search in this trace">
    <span class="hits" role="status"></span>
    <button type="button" data-do="error_before" title="E">Previous error</button>
    <button type="button" data-do="error" title="e">Next error</button>
    <button type="button" data-do="expand">Expand all</button>
    <button type="button" data-do="collapse">Collapse all</button>
    <label>Levels <select data-do="level" aria-label="Collapse to this level"></select></label>
    <button type="button" data-do="zoom" title="z">Zoom to row</button>
    <button type="button" data-do="whole" title="0" hidden>Whole trace</button>
    <span class="count" role="status"></span>
  </div>
  <div class="map" title="Drag to zoom, double click for the whole trace">
    <canvas></canvas><div class="shown"></div>
  </div>
  <div class="legend"></div>
  <div class="frame">
    <div class="head">
      <span>Call or value</span><div class="ruler"></div>
      <span class="figure">Duration</span><span class="figure">Self</span>
    </div>
    <div class="viewport" role="treegrid" aria-label="Calls and values of the trace" tabindex="0">
      <div class="pad"><div class="layer" role="rowgroup"></div></div>
    </div>
  </div>
</div>
"""

_component: Final = st.components.v2.component(
    "obs_waterfall",
    html=_HTML,
    css=_WEB.joinpath("waterfall.css").read_text("utf-8"),
    js="\n".join(_WEB.joinpath(f"waterfall{part}.js").read_text("utf-8") for part in ("", "_rows", "_zoom")),
)


class WaterfallEvent(NamedTuple):
    """What a user just did: the id of the row selected; the level shown (empty for all). None where unchanged."""

    selected: str | None
    level: str | None


def waterfall(
    tree: DataFrame,
    *,
    trace: str,
    selected: str | None,
    level: str | None,
    colours: Mapping[str, tuple[str, str]],
    key: str,
    on_event: Callable[[WaterfallEvent], None],
) -> None:
    """Draw `tree` (see `traces.tree`) down to `level` (None: all of it).

    `selected` is the id of the selected row; `colours` are each group's colours in the light and dark theme.
    `on_event` runs before the next run of the script.
    """
    snapshot_json = derived(_encoded, tree, colours=tuple(sorted(colours.items())))
    data = {"trace": trace, "selected": selected, "level": level or "", "height": HEIGHT, "snapshot": snapshot_json}

    def report() -> None:
        values = [st.session_state[key].get(name) for name in WaterfallEvent._fields]
        on_event(WaterfallEvent(*(None if value is None else str(value) for value in values)))

    _component(key=key, data=data, on_selected_change=report, on_level_change=report)


def row_ids(tree: DataFrame) -> list[str]:
    """The id of each row in links and clicks: its span id, or `row-` and its row id if it has none or shares one."""
    taken: set[str] = set()
    names = []
    for span, row in zip(tree["span_id"], tree["id"], strict=True):
        name = span if isinstance(span, str) and span and span not in taken else f"row-{row}"
        taken.add(name)
        names.append(name)
    return names


def snapshot(tree: DataFrame, colours: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """The data that the browser draws; times are in milliseconds after the trace's first row.

    What each row has is a list; what few rows have is keyed by their index. Groups (with their colours) and services
    appear once.
    """
    starts = [start or 0.0 for start in _numbers(tree["start_offset_ms"])]
    durations = _numbers(tree["duration_ms"])
    parents = parent_positions(tree)
    groups = [_text(group) for group in tree["process_group"]] if "process_group" in tree else [""] * len(tree)
    group_numbers = _numbered(groups)
    services = [plain(name, TEXT) for name in tree["Process"]] if "Process" in tree else [""] * len(tree)
    service_numbers = _numbered(services)
    return {
        "total_ms": max(
            (start + (length or 0.0) for start, length in zip(starts, durations, strict=True)), default=0.0
        ),
        "id": row_ids(tree),
        "parent": parents,
        "depth": tree["depth"].tolist(),
        "name": [plain(name, TEXT) for name in tree["Data"]],
        "groups": [[plain(group, TEXT), *colours.get(group, theme.TEXT["quiet"])] for group in group_numbers],
        "group": [group_numbers[group] for group in groups],
        "services": list(service_numbers),
        "service": [service_numbers[name] for name in services],
        "start": starts,
        "duration": durations,
        "self": _numbers(tree["self_ms"]),
        "text": _non_empty(_values(tree)),
        "value": [at for at, kind in enumerate(tree["kind"]) if kind != "call"],
        "error": [at for at, status in enumerate(tree["Status"]) if status == "ERROR"],
        "note": _non_empty(notes(starts, durations, parents, tree["orphan"].tolist())),
        "critical": _stretches(starts, durations, parents),
    }


def parent_positions(tree: DataFrame) -> list[int]:
    """The index of each row's parent; -1 for a root, and where the parent does not come before its child."""
    row_index = {span: at for at, span in reversed(list(enumerate(tree["span_id"]))) if isinstance(span, str) and span}
    parents = [row_index.get(parent, -1) if isinstance(parent, str) else -1 for parent in tree["parent_span_id"]]
    return [parent if parent < at else -1 for at, parent in enumerate(parents)]


def notes(
    starts: Sequence[float], durations: Sequence[float | None], parents: Sequence[int], orphans: Sequence[bool]
) -> list[str]:
    """A note for each row with an irregular parent or time, which is drawn as recorded."""
    notes_by_row = []
    for at, parent in enumerate(parents):
        remarks = ["Its parent is not in the log."] if orphans[at] else []
        length = durations[parent] if parent >= 0 else None
        if parent >= 0 and starts[at] < starts[parent]:
            remarks.append("Starts before its parent: the clocks of two machines differ.")
        if length is not None and starts[at] + (durations[at] or 0.0) > starts[parent] + length:
            remarks.append("Ends after its parent.")
        notes_by_row.append(" ".join(remarks))
    return notes_by_row


def _stretches(
    starts: Sequence[float], durations: Sequence[float | None], parents: Sequence[int]
) -> dict[int, list[tuple[float, float]]]:
    """The parts of the critical path by the index of their row."""
    timed = [at for at, length in enumerate(durations) if length is not None]
    timed_index = {at: new for new, at in enumerate(timed)}
    path = critical_path(
        [starts[at] for at in timed],
        [durations[at] or 0.0 for at in timed],
        [timed_index.get(parents[at], -1) for at in timed],
    )
    stretches: dict[int, list[tuple[float, float]]] = {}
    for stretch in path:
        stretches.setdefault(timed[stretch.call], []).append((stretch.start, stretch.end))
    return stretches


def _values(tree: DataFrame) -> list[str]:
    """The text after each name: the value of a value, the exception of a call that failed."""
    texts = []
    for kind, value, exception in zip(tree["kind"], tree["Data Value"], tree["Exception"], strict=True):
        text = f"= {plain(value, TEXT)}" if kind == "value" else plain(exception, TEXT)
        texts.append(plain(value, TEXT) if kind == "log" and not text else text)
    return texts


def _numbered(names: Sequence[str]) -> dict[str, int]:
    """The different names in their order, each with its index."""
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _non_empty(texts: Sequence[str]) -> dict[int, str]:
    """The texts that are not empty, by their index."""
    return {at: text for at, text in enumerate(texts) if text}


def _numbers(column: "Series[float]") -> list[float | None]:
    """The column as finite numbers, or None: JSON has no NaN."""
    return [number if isfinite(number) else None for number in column.astype("float64").tolist()]


def _encoded(tree: DataFrame, *, colours: Sequence[tuple[str, tuple[str, str]]]) -> str:
    """The snapshot as JSON. Streamlit serializes its input twice in each run: a text costs a tenth of the objects."""
    return json.dumps(snapshot(tree, dict(colours)), separators=(",", ":"), allow_nan=False)
