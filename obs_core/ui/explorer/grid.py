"""The table of rows with their children: seven canonical columns and the duration, in an AgGrid.

What a traced program wrote reaches the browser only as data of the frame, never inside `gridOptions`, and is drawn with
`textContent`: a cell can't run anything. The server decides what is open and chosen, so that both survive a refresh.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import streamlit as st
from pandas import DataFrame
from st_aggrid import AgGrid, DataReturnMode, JsCode, StAggridTheme

ROW_HEIGHT: Final = 30
HEADER_HEIGHT: Final = 34
TALLEST: Final = 460

_WEB: Final = resources.files("obs_core.ui.explorer").joinpath("web")

_EVENT: Final = """function({streamlitRerunEventTriggerName, eventData}) {
  const e = eventData || {}, row = e.data || {}, t = e.event && e.event.target, key = e.event && e.event.key;
  const arrow = key === 'ArrowRight' || key === 'ArrowLeft';
  const chevron = !!(t && t.classList && t.classList.contains('chevron')) && row.kids;
  const turns = row.kids && (chevron || arrow || key === 'Enter' || (!key && !row.open));
  return {path: row.path, trace: row.trace, span: row.span, kind: row.kind, opens: turns ? !row.open : null,
          selects: !arrow && !chevron, at: Date.now()};
}"""

_IS_EVENT: Final = """function({streamlitRerunEventTriggerName, eventData}) {
  if (streamlitRerunEventTriggerName === 'cellClicked') return true;
  if (streamlitRerunEventTriggerName !== 'cellKeyDown' || !eventData.event) return false;
  const key = eventData.event.key, row = eventData.data || {};
  if (key === 'Enter') return true;
  return eventData.column.getColId() === 'Process' && row.kids && key === (row.open ? 'ArrowLeft' : 'ArrowRight');
}"""

_READY: Final = """p => {
  if (window.__obsTheme) return;
  window.__obsTheme = 1;
  window.addEventListener('message', e => {
    const d = e.data;
    if (d && d.type === 'streamlit:render' && d.theme)
      document.documentElement.style.colorScheme = d.theme.base === 'dark' ? 'dark' : 'light';
  });
}"""

_UPDATED: Final = """p => {
  p.api.forEachNode(n => n.setSelected(!!n.data.selected, false));
  const first = p.api.getDisplayedRowAtIndex(0), page = first && first.data.page;
  if (window.__obsPage !== undefined && window.__obsPage !== page && first) p.api.ensureIndexVisible(0, 'top');
  window.__obsPage = page;
}"""

_SPAN: Final = "p => p.data && p.data.kind === 'attribute' ? 5 : 1"
"""An attribute has no moment, status, exception or duration: its value takes their room."""

_SPAN_MORE: Final = "p => p.data && p.data.kind === 'more' ? 8 : 1"
"""What asks for more rows has the room of a whole one."""

_KEEPS_ARROWS: Final = """p => {
  const row = p.data || {};
  return !!row.kids && p.event.key === (row.open ? 'ArrowLeft' : 'ArrowRight');
}"""

COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "--ag-background-color": ("#ffffff", "#0f1419"),
    "--ag-foreground-color": ("#1f2933", "#e3e8ee"),
    "--ag-text-color": ("#1f2933", "#e3e8ee"),
    "--ag-data-color": ("#1f2933", "#e3e8ee"),
    "--ag-cell-text-color": ("#1f2933", "#e3e8ee"),
    "--ag-header-background-color": ("#f6f8fa", "#161b22"),
    "--ag-header-foreground-color": ("#5f6b7a", "#98a3b3"),
    "--ag-header-text-color": ("#5f6b7a", "#98a3b3"),
    "--ag-border-color": ("#dde3ea", "#2b333d"),
    "--ag-accent-color": ("#0072b2", "#56b4e9"),
    "--ag-row-hover-color": ("rgba(0,0,0,.04)", "rgba(255,255,255,.05)"),
    "--ag-selected-row-background-color": ("rgba(0,114,178,.12)", "rgba(86,180,233,.18)"),
}
_ERROR_INK: Final = ("#b84e00", "#ff9d5c")
_QUIET_INK: Final = ("#5f6b7a", "#98a3b3")


@dataclass(frozen=True, slots=True)
class Click:
    """What somebody did to a row: `opens` is what its children shall be (None: as they are)."""

    path: str
    trace: str
    span: str
    kind: str
    opens: bool | None
    selects: bool


def grid(rows: DataFrame, *, page: str, pinned: Mapping[str, str], key: str, on_click: Callable[[Click], None]) -> None:
    """Draw `rows` (see `tree.visible`); `page` names the page they are of, so that a new one begins at its top.

    `pinned` are the fields and harmless titles of further columns. `on_click` runs before the next run of the script.
    """
    height = min(TALLEST, HEADER_HEIGHT + ROW_HEIGHT * max(3, len(rows)) + 18)
    AgGrid(
        rows.assign(page=page),
        gridOptions=options(pinned),
        height=height,
        key="_".join((key, *pinned.values())),
        allow_unsafe_jscode=True,
        update_on=["cellClicked", "cellKeyDown"],
        data_return_mode=DataReturnMode.CUSTOM,
        custom_jscode_for_grid_return=JsCode(_EVENT),
        should_grid_return=JsCode(_IS_EVENT),
        server_sync_strategy="server_wins",
        theme=StAggridTheme(base="balham"),
        custom_css=styles(dark=st.context.theme.type == "dark"),
        show_toolbar=False,
        callback=lambda answer: _tell(answer.raw_data, on_click),
    )


def clicked(raw: object) -> Click | None:
    """The click that the browser told, or None if it is not one."""
    if not isinstance(raw, dict) or not isinstance(raw.get("path"), str):
        return None
    words = {name: raw[name] if isinstance(raw.get(name), str) else "" for name in ("trace", "span", "kind")}
    opens = raw["opens"] if isinstance(raw.get("opens"), bool) else None
    return Click(raw["path"], **words, opens=opens, selects=bool(raw.get("selects")))


def options(pinned: Mapping[str, str]) -> dict[str, Any]:
    """The grid's options: columns, keys and what happens on events. Nothing in here comes from a log."""
    return {
        "columnDefs": [*_columns(), *_pinned(pinned)],
        "defaultColDef": {"resizable": True, "sortable": False, "suppressHeaderMenuButton": True, "minWidth": 60},
        "getRowId": JsCode("p => p.data.path"),
        "rowClassRules": {
            "failed": JsCode("p => p.data.Status === 'ERROR'"),
            "child": JsCode("p => p.data.depth > 0"),
            "attribute": JsCode("p => p.data.kind === 'attribute'"),
            "more": JsCode("p => p.data.kind === 'more'"),
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
        "onGridReady": JsCode(_READY),
        "onFirstDataRendered": JsCode(_UPDATED),
        "onRowDataUpdated": JsCode(_UPDATED),
        "overlayNoRowsTemplate": "<span>No rows</span>",
    }


def styles(*, dark: bool) -> dict[str, dict[str, str]]:
    """The grid's CSS: every colour for both themes, so that the theme's switch needs no rerun."""
    variables = {name: f"light-dark({light}, {night}) !important" for name, (light, night) in COLOURS.items()}
    variables |= {
        "--ag-odd-row-background-color": "transparent !important",
        "--ag-font-family": '"Source Sans", "Source Sans Pro", sans-serif !important',
        "--ag-font-size": "13px !important",
        "--ag-row-height": f"{ROW_HEIGHT}px !important",
        "--ag-header-height": f"{HEADER_HEIGHT}px !important",
        "--ag-cell-horizontal-padding": "8px !important",
        "--ag-browser-color-scheme": "inherit !important",
    }
    error, quiet = (f"light-dark({light}, {night})" for light, night in (_ERROR_INK, _QUIET_INK))
    return {
        ":root": {"color-scheme": "dark" if dark else "light"},
        "body, .ag-root-wrapper, .ag-measurement-container, [class*=ag-theme-params]": variables,
        ".ag-root-wrapper": {"border-radius": "6px"},
        ".ag-cell": {"unicode-bidi": "isolate", "font-variant-numeric": "tabular-nums"},
        ".ag-cell.number, .number .ag-header-cell-label": {"text-align": "right", "justify-content": "flex-end"},
        ".tree .chevron": {"display": "inline-block", "width": "18px", "text-align": "center", "color": quiet},
        ".tree .chevron.has": {"cursor": "pointer"},
        ".tree .word": {"unicode-bidi": "isolate"},
        ".failed .status, .failed .exception": {"color": error},
        ".failed .status": {"font-weight": "600"},
        ".quiet, .attribute .ag-cell, .more .tree .word": {"color": quiet},
        ".more": {"cursor": "pointer"},
        ".ag-tooltip": {"max-width": "560px", "white-space": "pre-wrap", "overflow-wrap": "anywhere"},
    }


def _columns() -> list[dict[str, Any]]:
    """The seven canonical columns, then the duration."""
    tree = JsCode(_WEB.joinpath("tree_cell.js").read_text("utf-8"))

    def column(field: str, width: int, **more: object) -> dict[str, Any]:
        return {"field": field, "headerName": field, "width": width, "tooltipField": field} | more

    failed = JsCode("p => p.value === 'ERROR' ? '✕ ERROR' : p.value")
    hidden = ("path", "depth", "kids", "open", "selected", "kind", "trace", "span", "page")
    return [
        column(
            "Process",
            150,
            flex=3,
            minWidth=130,
            cellRenderer=tree,
            colSpan=JsCode(_SPAN_MORE),
            equals=JsCode("() => false"),
            suppressKeyboardEvent=JsCode(_KEEPS_ARROWS),
        ),
        column("Data", 150, flex=4, minWidth=120),
        column("Data Type", 82, cellClass="quiet"),
        column("Data Value", 110, flex=3, minWidth=96, colSpan=JsCode(_SPAN)),
        column("Timestamp", 164),
        column("Status", 78, cellClass="status", valueFormatter=failed),
        column("Exception", 110, flex=3, minWidth=90, cellClass="exception"),
        column("Duration", 78, cellClass="number", headerClass="number"),
        *({"field": name, "hide": True} for name in hidden),
    ]


def _pinned(pinned: Mapping[str, str]) -> list[dict[str, Any]]:
    """The columns that people pinned, behind the others."""
    more = {"width": 120, "flex": 2, "minWidth": 90, "cellClass": "quiet"}
    return [{"field": field, "headerName": title, "tooltipField": field} | more for field, title in pinned.items()]


def _tell(raw: object, on_click: Callable[[Click], None]) -> None:
    if (click := clicked(raw)) is not None:
        on_click(click)
