"""The look of the table: its colours for both themes, its heights and its CSS."""

from collections.abc import Mapping
from typing import Final

from obs_core import theme

ROW_HEIGHT: Final = 30
HEADER_HEIGHT: Final = 34

COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "--ag-background-color": theme.PAGE,
    "--ag-foreground-color": theme.TEXT["ink"],
    "--ag-text-color": theme.TEXT["ink"],
    "--ag-data-color": theme.TEXT["ink"],
    "--ag-cell-text-color": theme.TEXT["ink"],
    "--ag-header-background-color": theme.PAPER,
    "--ag-header-foreground-color": theme.TEXT["quiet"],
    "--ag-header-text-color": theme.TEXT["quiet"],
    "--ag-border-color": theme.LINE,
    "--ag-accent-color": theme.ROLES["accent"],
    "--ag-row-hover-color": ("rgba(0,0,0,.04)", "rgba(255,255,255,.05)"),
    "--ag-selected-row-background-color": ("rgba(0,114,178,.12)", "rgba(86,180,233,.18)"),
}


def styles(*, dark: bool) -> dict[str, dict[str, str]]:
    """The grid's CSS: every colour for both themes, so that switching the theme needs no rerun."""
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
    error, quiet = theme.css(theme.TEXT["error"]), theme.css(theme.TEXT["quiet"])
    return {
        ":root": {"color-scheme": "dark" if dark else "light"},
        "body, .ag-root-wrapper, .ag-measurement-container, [class*=ag-theme-params]": variables,
        "#gridContainer": {"height": "100vh !important"},  # as high as its frame, which the page may stretch
        ".ag-root-wrapper": {"border-radius": "6px"},
        ".ag-cell": {"unicode-bidi": "isolate", "font-variant-numeric": "tabular-nums"},
        ".ag-cell.number, .number .ag-header-cell-label": {"text-align": "right", "justify-content": "flex-end"},
        ".tree .chevron": {"display": "inline-block", "width": "18px", "text-align": "center", "color": quiet},
        ".tree .chevron.has": {"cursor": "pointer"},
        ".tree .label": {"unicode-bidi": "isolate"},
        ".failed .status, .failed .exception": {"color": error},
        ".failed .status": {"font-weight": "600"},
        ".quiet, .attribute .ag-cell, .more .tree .label": {"color": quiet},
        ".more": {"cursor": "pointer"},
        ".duration": {
            "background-image": f"linear-gradient({theme.css(theme.ROLES['accent'])} 0 0)",
            "background-repeat": "no-repeat",
            "background-position": "0 100%",
        },
        ".errors": {"color": error, "font-weight": "600"},
        ".tree .second": {
            "display": "block",
            "padding-left": "18px",
            "line-height": "16px",
            "font-size": "12px",
            "color": quiet,
            "overflow": "hidden",
            "text-overflow": "ellipsis",
        },
        ".failed .tree .second": {"color": error},
        ".narrow .tree": {"display": "block", "line-height": "22px", "overflow": "hidden"},
        ".narrow .ag-cell-wrapper": {"display": "block"},
        ".ag-tooltip": {"max-width": "560px", "white-space": "pre-wrap", "overflow-wrap": "anywhere"},
    }
