"""Stat cards: a label, a value, its change, a note and a sparkline."""

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Literal
from urllib.parse import quote

import streamlit as st

POINTS: Final = 80  # of a sparkline at most: a card is about 150 pixels wide
WIDTH: Final = 100
HEIGHT: Final = 24
_LINE: Final = (
    f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' preserveAspectRatio='none'>"
    "<path d='{}' fill='none' stroke='black' stroke-width='1.3' vector-effect='non-scaling-stroke'/></svg>"
)  # st.html removes svg elements, but keeps images in a style


@dataclass(frozen=True, slots=True)
class StatCard:
    """One card. `change` compares with the window before; `bad` and `worse` colour the value and the change.

    `trend` holds equally spaced numbers; None is a gap.
    """

    label: str
    value: str
    note: str = ""
    change: str = ""
    worse: bool = False
    bad: bool = False
    hover: str = ""
    tone: Literal["error", "stale"] = "error"
    trend: Sequence[float | None] = field(default=())


def row(cards: Sequence[str], *, low: bool = False) -> None:
    """Draw cards (from `card_html`) in a row of equal height that wraps; `low` cards have no sparklines."""
    st.html(f"<div class='obs-cards{' obs-low' if low else ''}'>{''.join(cards)}</div>")


def card_html(stat: StatCard) -> str:
    """Return one card as HTML."""
    mark = "" if not stat.bad else f" class='obs-{stat.tone}'"
    change = ""
    if stat.change:
        title = "Compared with the window of the same length before this one"
        kind = "obs-worse" if stat.worse else "obs-change"
        change = f"<span class='{kind}' title='{title}'>{html.escape(stat.change)}</span>"
    return (
        f"<section title='{html.escape(stat.hover, quote=True)}'><h3>{html.escape(stat.label)}</h3>"
        f"<p><b{mark}>{html.escape(stat.value)}</b>{change}</p>"
        f"<p class='obs-note'>{html.escape(stat.note)}</p>{sparkline(stat.trend)}</section>"
    )


def sparkline(trend: Sequence[float | None]) -> str:
    """Return `trend` as a line from zero up, as a mask in the theme's colour; empty if it is flat at zero."""
    thinned = _thinned(trend)
    most = max((number for number in thinned if number is not None), default=0.0)
    if len(thinned) < 2 or most <= 0:  # noqa: PLR2004 - a line has two ends
        return ""
    step = WIDTH / (len(thinned) - 1)
    points = [
        None if number is None else (index * step, HEIGHT - 1 - number / most * (HEIGHT - 2))
        for index, number in enumerate(thinned)
    ]
    return f'<i style="mask-image:url(&quot;data:image/svg+xml,{quote(_LINE.format(path(points)))}&quot;)"></i>'


def path(points: Sequence[tuple[float, float] | None]) -> str:
    """Return a line through `points` as an SVG path; None is a gap."""
    pieces = [list(piece) for known, piece in groupby(points, lambda point: point is not None) if known]
    pieces = [piece if len(piece) > 1 else _dash(piece) for piece in pieces]
    return " ".join("M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in piece if piece) for piece in pieces)  # type: ignore[misc]


def _dash(piece: list[tuple[float, float] | None]) -> list[tuple[float, float] | None]:
    """A number between two gaps, as a line long enough to see."""
    return [(x + by, y) for x, y in filter(None, piece) for by in (-0.4, 0.4)]


def _thinned(trend: Sequence[float | None]) -> list[float | None]:
    """At most `POINTS` numbers, each the highest of its slice, so that no peak is lost."""
    size = -(-len(trend) // POINTS) or 1
    slices = [trend[start : start + size] for start in range(0, len(trend), size)]
    return [max((number for number in part if number is not None), default=None) for part in slices]
