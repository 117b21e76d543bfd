"""Source code as HTML: highlighted, numbered, in the colours of the light and the dark theme at once.

Everything that comes from the source is escaped; lines end at line feeds alone, so that numbers are Python's own
(`str.splitlines` also cuts at form feeds).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Final

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, String
from pygments.token import _TokenType as TokenType

PART_LINES: Final = 250
"""Lines shown at once: 500 lines cost 26 ms and 121 kB in the browser, 5,000 cost 3.4 s."""

LINE_CHARACTERS: Final = 2_000
"""Characters of a line that are shown; one line of 1 MB would freeze the page."""

PAINTED_CHARACTERS: Final = 400_000
"""Longer sources are shown without colours: the lexer takes 1 s for 1 MB."""

COLOURS: Final[Mapping[TokenType, tuple[str, str, str]]] = {
    Comment: ("c", "#5f6b7a", "#98a3b3"),
    Keyword: ("k", "#0a5a9c", "#7cc0f5"),
    Operator.Word: ("k", "#0a5a9c", "#7cc0f5"),
    Name.Function: ("f", "#7a3e9d", "#d3a6f0"),
    Name.Class: ("f", "#7a3e9d", "#d3a6f0"),
    Name.Decorator: ("d", "#8a5200", "#f0bf6c"),
    Name.Builtin: ("b", "#0b6e6e", "#6fd3cd"),
    Name.Exception: ("b", "#0b6e6e", "#6fd3cd"),
    String: ("s", "#1e6b34", "#8fd19e"),
    Number: ("n", "#a1400f", "#f3a683"),
    Literal: ("n", "#a1400f", "#f3a683"),
}
"""Class and colours (light, dark) of each kind of token; every colour has a contrast of at least 4.5:1 to PAPER."""

PAPER: Final = ("#f6f8fa", "#161b22")
INK: Final = ("#1f2933", "#e3e8ee")
_MARK: Final = ("rgba(213,94,0,.12)", "rgba(255,146,72,.16)")
_MARK_INK: Final = ("#a84300", "#ff9d5c")


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines of a source: `first` and `last` are line numbers in the file, of `total` lines that were recorded."""

    html: str
    first: int
    last: int
    total: int


def stylesheet() -> str:
    """The CSS of painted source, without the <style> tag; `light-dark()` follows the theme without a rerun."""
    tokens = {f".obs-code .{name}{{color:{_both(light, dark)}}}" for name, light, dark in COLOURS.values()}
    return "".join(
        [
            f".obs-code{{background:{_both(*PAPER)};color:{_both(*INK)};border-radius:6px;padding:8px 0;margin:0;",
            "overflow:auto;font:13px/1.55 'Source Code Pro',ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;",
            "tab-size:4;max-height:680px}",
            ".obs-code .l{display:flex;min-width:max-content;padding-right:12px}",
            f".obs-code .l:hover{{background:{_both('rgba(0,0,0,.04)', 'rgba(255,255,255,.05)')}}}",
            ".obs-code .no{flex:none;width:52px;padding-right:14px;text-align:right;user-select:none;",
            f"color:{_both(*COLOURS[Comment][1:])};position:sticky;left:0;background:{_both(*PAPER)}}}",
            ".obs-code .t{white-space:pre;unicode-bidi:isolate}",
            f".obs-code .hit{{background:{_both(*_MARK)}}}",
            f".obs-code .why{{color:{_both(*_MARK_INK)};padding-left:24px;white-space:pre;unicode-bidi:isolate}}",
            f".obs-code .more{{color:{_both(*COLOURS[Comment][1:])}}}",
            ".obs-code .c{font-style:italic}.obs-code .f{font-weight:600}",
            *sorted(tokens),
        ]
    )


def part(
    source: str, *, first_line: int = 1, around: int | None = None, marks: Mapping[int, str] | None = None
) -> Part:
    """At most `PART_LINES` lines of `source`, which begins at line `first_line` of its file.

    `around` is a line of the file that the part holds (default: the first); `marks` are remarks at lines of the file,
    such as the exceptions that were raised there.
    """
    lines = _painted_lines(source)
    wanted = (around or first_line) - first_line
    start = max(0, min(wanted - PART_LINES // 2, len(lines) - PART_LINES))
    shown = lines[start : start + PART_LINES]
    first = first_line + start
    rows = _rows(shown, first, marks or {})
    label = f"Source code, lines {first} to {first + len(shown) - 1}"
    html = f'<div class="obs-code" role="region" aria-label="{label}" tabindex="0">{"".join(rows)}</div>'
    return Part(html, first, first + len(shown) - 1, len(lines))


def lines_of(source: str) -> list[str]:
    """The lines of `source` as Python counts them: they end at line feeds, and CR LF or a lone CR is one of those."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines


def _rows(lines: Sequence[str], first: int, marks: Mapping[int, str]) -> Iterator[str]:
    for number, line in enumerate(lines, first):
        why = marks.get(number)
        remark = f'<span class="why">◂ {escape(why)}</span>' if why else ""
        kind = "l hit" if why else "l"
        yield f'<div class="{kind}"><span class="no">{number}</span><span class="t">{line or " "}</span>{remark}</div>'


@lru_cache(maxsize=64)
def _painted_lines(source: str) -> tuple[str, ...]:
    """Each line of `source` as HTML."""
    whole = lines_of(source.replace("\0", "␀"))
    short = [line[:LINE_CHARACTERS] for line in whole]
    if sum(map(len, short)) > PAINTED_CHARACTERS:
        painted = [escape(line) for line in short]
    else:
        painted = list(_lines_of_tokens(PythonLexer(stripnl=False, ensurenl=False).get_tokens("\n".join(short))))
    left = [len(line) - LINE_CHARACTERS for line in whole]
    return tuple(
        f'{html}<span class="more"> … {more:,} characters more</span>' if more > 0 else html
        for html, more in zip(painted, left, strict=True)
    )


def _lines_of_tokens(tokens: Iterable[tuple[TokenType, str]]) -> Iterator[str]:
    """Join tokens to lines of HTML; a token over several lines is cut at each."""
    line: list[str] = []
    for kind, text in tokens:
        name = _class_of(kind)
        for number, piece in enumerate(text.split("\n")):
            if number:
                yield "".join(line)
                line = []
            if piece:
                line.append(f'<span class="{name}">{escape(piece)}</span>' if name else escape(piece))
    yield "".join(line)


@lru_cache(maxsize=256)
def _class_of(kind: TokenType) -> str:
    """The CSS class of a kind of token: its own, or that of the nearest kind above it that has a colour."""
    while kind not in COLOURS and kind.parent is not None:
        kind = kind.parent
    return COLOURS[kind][0] if kind in COLOURS else ""


def _both(light: str, dark: str) -> str:
    return f"light-dark({light},{dark})"
