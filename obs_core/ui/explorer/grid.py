"""The table of rows with their children: seven canonical columns and the duration, in an AG Grid.

What a traced program wrote reaches the browser only as data of the frame, never inside `gridOptions`, and is drawn with
`textContent`: a cell can't run code. The server decides which rows are expanded and selected, so that both survive a
refresh; `web/grid.js` keeps the keyboard focus on its row.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import streamlit as st
from pandas import DataFrame
from st_aggrid import AgGrid, DataReturnMode, JsCode, StAggridTheme

from obs_core.ui.explorer.grid_style import HEADER_HEIGHT, ROW_HEIGHT, styles
from obs_core.ui.kit import tall

LOWEST: Final = 460
ABOVE: Final = 520
"""The table is `LOWEST` pixels high, and higher on a screen with more than `ABOVE` pixels in addition to that."""

_FRAME: Final = "t_frame"

_WEB: Final = resources.files("obs_core.ui.explorer").joinpath("web")
_FUNCTION: Final = re.compile(r"^const (\w+) = (.+?);$(?=\n\n|\n?\Z)", re.MULTILINE | re.DOTALL)
_FUNCTIONS: Final = dict(_FUNCTION.findall(_WEB.joinpath("grid.js").read_text("utf-8")))
_TREE_CELL: Final = _WEB.joinpath("tree_cell.js").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Click:
    """A click or key on a row. `opens` says whether to expand or collapse it (None: neither).

    `closes` is the key that closes the view of the selected row.
    """

    path: str
    trace: str
    span: str
    kind: str
    opens: bool | None
    selects: bool
    closes: bool = False


def grid(
    rows: DataFrame,
    *,
    page: str,
    look: str,
    pinned: Mapping[str, str],
    key: str,
    on_click: Callable[[Click], None],
    on_sort: Callable[[str], None],
) -> None:
    """Draw `rows` (see `row_tree.visible`); `page` identifies their page, so that another page starts at its top.

    `look` is from `look_of`; `pinned` are the fields and harmless titles of further columns. `on_click` and `on_sort`
    (with a column and asc or desc, or an empty text) run before the next run of the script.
    """
    content = HEADER_HEIGHT + ROW_HEIGHT * max(3, len(rows)) + 18
    tall.style(f".st-key-{_FRAME} iframe", content, LOWEST, ABOVE)
    with st.container(key=_FRAME):
        AgGrid(
            rows.assign(page=page, look=look),
            gridOptions=options(pinned),
            height=min(LOWEST, content),
            key="_".join((key, *pinned.values())),
            allow_unsafe_jscode=True,
            update_on=["cellClicked", "cellKeyDown", "sortChanged"],
            data_return_mode=DataReturnMode.CUSTOM,
            custom_jscode_for_grid_return=_js("clickEvent"),
            should_grid_return=_js("isClick"),
            server_sync_strategy="server_wins",
            theme=StAggridTheme(base="balham"),
            custom_css=styles(dark=st.context.theme.type == "dark"),
            show_toolbar=False,
            callback=lambda answer: _handle(answer.raw_data, on_click, on_sort),
        )


def look_of(rows: DataFrame, *, order: str, traces: bool) -> str:
    """How the table looks: sorted by `order` (a column and asc or desc), the list of traces or not, empty columns."""
    column, _, way = order.rpartition(" ")
    empty = [name for name in ("Data Type", "Data Value") if not rows[name].astype(bool).any()]
    return "|".join((f"{column.replace(' ', '_')} {way}", "traces" if traces else "rows", ",".join(empty)))


def sorted_by(raw: object) -> str | None:
    """The order that the browser sent, such as `Duration desc` (empty: none), or None if it sent something else."""
    text = raw.get("sorts") if isinstance(raw, dict) else None
    return text if isinstance(text, str) else None


def clicked(raw: object) -> Click | None:
    """The click that the browser sent, or None if it is not valid."""
    if not isinstance(raw, dict) or not isinstance(raw.get("path"), str):
        return None
    texts = {name: raw[name] if isinstance(raw.get(name), str) else "" for name in ("trace", "span", "kind")}
    opens = raw["opens"] if isinstance(raw.get("opens"), bool) else None
    return Click(raw["path"], **texts, opens=opens, selects=bool(raw.get("selects")), closes=bool(raw.get("closes")))


def options(pinned: Mapping[str, str]) -> dict[str, Any]:
    """The grid's options: columns, keys and event handlers. Nothing in here comes from a log."""
    return {
        "columnDefs": [*_columns(), *_pinned(pinned)],
        "defaultColDef": {"resizable": True, "sortable": False, "suppressHeaderMenuButton": True, "minWidth": 60},
        "getRowId": _js("rowId"),
        "rowClassRules": {
            "failed": _js("isFailed"),
            "child": _js("isChild"),
            "attribute": _js("isAttribute"),
            "more": _js("isMore"),
        },
        "rowHeight": ROW_HEIGHT,
        "headerHeight": HEADER_HEIGHT,
        "rowSelection": {"mode": "singleRow", "enableClickSelection": False, "checkboxes": False},
        "animateRows": False,
        "ensureDomOrder": True,
        "enableCellTextSelection": True,
        "suppressMovableColumns": True,
        "suppressColumnVirtualisation": True,
        "tooltipShowDelay": 500,
        "onGridReady": _js("onReady"),
        "onFirstDataRendered": _js("onRowsUpdated"),
        "onRowDataUpdated": _js("onRowsUpdated"),
        "onCellFocused": _js("onCellFocused"),
        "onGridSizeChanged": _js("onResized"),
        "overlayNoRowsTemplate": "<span>No rows</span>",
    }


def _columns() -> list[dict[str, Any]]:
    """The seven canonical columns, then the duration."""

    def column(field: str, width: int, **more: object) -> dict[str, Any]:
        return {"field": field, "headerName": field, "width": width, "tooltipField": field} | more

    def by_name(*ways: str) -> dict[str, Any]:
        return {"sortable": True, "sortingOrder": [*ways, None], "comparator": _js("keepOrder")}

    hidden = ("path", "depth", "kids", "open", "selected", "kind", "trace", "span", "page", "look", "share")
    name, number = by_name("asc", "desc"), by_name("desc", "asc")
    return [
        column(
            "Process",
            150,
            flex=3,
            minWidth=130,
            cellRenderer=JsCode(_TREE_CELL),
            colSpan=_js("processSpan"),
            equals=_js("neverEqual"),
            suppressKeyboardEvent=_js("keepsArrows"),
            **name,
        ),
        column("Data", 150, flex=4, minWidth=120, **name),
        column("Data Type", 82, cellClass="quiet", **name),
        column("Data Value", 110, flex=3, minWidth=60, colSpan=_js("valueSpan")),
        column("Timestamp", 164, **number),
        column("Status", 78, cellClass="status", valueFormatter=_js("statusText"), **number),
        column("Exception", 110, flex=3, minWidth=90, cellClass="exception", **name),
        column(
            "Duration",
            92,
            cellClass=["number", "duration"],
            headerClass="number",
            cellStyle=_js("durationStyle"),
            **number,
        ),
        column("Spans", 70, cellClass="number", headerClass="number", hide=True),
        column(
            "Errors",
            70,
            cellClass="number",
            headerClass="number",
            cellClassRules={"errors": _js("hasErrors")},
            hide=True,
        ),
        column("Services", 110, flex=2, minWidth=80, cellClass="quiet", hide=True),
        *({"field": field, "hide": True} for field in hidden),
    ]


def _pinned(pinned: Mapping[str, str]) -> list[dict[str, Any]]:
    """The pinned columns, after the others."""
    more = {"width": 120, "flex": 2, "minWidth": 90, "cellClass": "quiet"}
    return [{"field": field, "headerName": title, "tooltipField": field} | more for field, title in pinned.items()]


def _handle(raw: object, on_click: Callable[[Click], None], on_sort: Callable[[str], None]) -> None:
    if (order := sorted_by(raw)) is not None:
        on_sort(order)
    if (click := clicked(raw)) is not None:
        on_click(click)


def _js(name: str) -> JsCode:
    """One function of `web/grid.js`."""
    return JsCode(_FUNCTIONS[name])
