"""Cards with one figure each: what it is, how much, the change, a note, and its trend as a small line."""

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Literal
from urllib.parse import quote

import streamlit as st

POINTS: Final = 80  # a trend is drawn with at most this many: a card is some 150 pixels wide
WIDTH: Final = 100
HEIGHT: Final = 24
_LINE: Final = (
    f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' preserveAspectRatio='none'>"
    "<path d='{}' fill='none' stroke='black' stroke-width='1.3' vector-effect='non-scaling-stroke'/></svg>"
)  # st.html takes svg elements away, pictures in a style it leaves


@dataclass(frozen=True, slots=True)
class StatCard:
    """One card. `change` is against the window before; `bad` and `worse` colour value and change, words go with them.

    `trend` are equally spaced numbers; None is a gap.
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
    """Draw cards (of `card`) side by side, all of the same height, in as many columns as fit; `low` without courses."""
    st.html(f"<div class='obs-cards{' obs-low' if low else ''}'>{''.join(cards)}</div>")


def card_html(stat: StatCard) -> str:
    """One card as HTML."""
    mark = "" if not stat.bad else f" class='obs-{stat.tone}'"
    change = ""
    if stat.change:
        title = "Against the window of the same length before this one"
        kind = "obs-worse" if stat.worse else "obs-change"
        change = f"<span class='{kind}' title='{title}'>{html.escape(stat.change)}</span>"
    return (
        f"<section title='{html.escape(stat.hover, quote=True)}'><h3>{html.escape(stat.label)}</h3>"
        f"<p><b{mark}>{html.escape(stat.value)}</b>{change}</p>"
        f"<p class='obs-note'>{html.escape(stat.note)}</p>{sparkline(stat.trend)}</section>"
    )


def sparkline(trend: Sequence[float | None]) -> str:
    """A line over `trend` from zero up, as a mask that takes the theme's colour; nothing if it is flat at zero."""
    thinned = _thinned(trend)
    most = max((number for number in thinned if number is not None), default=0.0)
    if len(thinned) < 2 or most <= 0:  # noqa: PLR2004 - a line has two ends
        return ""
    across = WIDTH / (len(thinned) - 1)
    points = [
        None if number is None else (place * across, HEIGHT - 1 - number / most * (HEIGHT - 2))
        for place, number in enumerate(thinned)
    ]
    return f'<i style="mask-image:url(&quot;data:image/svg+xml,{quote(_LINE.format(path(points)))}&quot;)"></i>'


def path(points: Sequence[tuple[float, float] | None]) -> str:
    """A line over `points` as the path of an SVG; None is a gap."""
    pieces = [list(piece) for known, piece in groupby(points, lambda point: point is not None) if known]
    pieces = [piece if len(piece) > 1 else _dash(piece) for piece in pieces]
    return " ".join("M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in piece if piece) for piece in pieces)  # type: ignore[misc]


def _dash(piece: list[tuple[float, float] | None]) -> list[tuple[float, float] | None]:
    """A number between two gaps, as a line that can be seen."""
    return [(x + by, y) for x, y in filter(None, piece) for by in (-0.4, 0.4)]


def _thinned(trend: Sequence[float | None]) -> list[float | None]:
    """At most `POINTS` of the trend, each the highest of its slice, so that no peak is lost."""
    size = -(-len(trend) // POINTS) or 1
    slices = [trend[place : place + size] for place in range(0, len(trend), size)]
    return [max((number for number in each if number is not None), default=None) for each in slices]
