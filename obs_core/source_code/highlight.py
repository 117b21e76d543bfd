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
from pygments.token import Comment, Keyword, Literal, Name, Number, String, string_to_tokentype
from pygments.token import _TokenType as TokenType

from obs_core import theme

PART_LINES: Final = 250
"""Lines shown at once: 500 lines take 26 ms and 121 kB in the browser, 5,000 take 3.4 s."""

LINE_CHARACTERS: Final = 2_000
"""Characters shown of a line; one line of 1 MB would freeze the page."""

HIGHLIGHTED_CHARACTERS: Final = 400_000
"""Longer sources have no colours: the lexer takes 1 s for 1 MB."""

COLOURS: Final[Mapping[TokenType, tuple[str, str, str]]] = {
    Comment: ("c", *theme.TEXT["quiet"]),
    Keyword: ("k", "#0a5a9c", "#7cc0f5"),
    string_to_tokentype("Operator.Word"): ("k", "#0a5a9c", "#7cc0f5"),
    Name.Function: ("f", "#7a3e9d", "#d3a6f0"),
    Name.Class: ("f", "#7a3e9d", "#d3a6f0"),
    Name.Decorator: ("d", "#8a5200", "#f0bf6c"),
    Name.Builtin: ("b", "#0b6e6e", "#6fd3cd"),
    Name.Exception: ("b", "#0b6e6e", "#6fd3cd"),
    String: ("s", "#1e6b34", "#8fd19e"),
    Number: ("n", "#a1400f", "#f3a683"),
    Literal: ("n", "#a1400f", "#f3a683"),
}
"""Class and colours (light, dark) of each kind of token, all with a contrast of at least 4.5:1 to the background."""

_QUIET: Final = theme.css(theme.TEXT["quiet"])
_INK: Final = theme.css(theme.TEXT["ink"])
_PAPER: Final = theme.css(theme.PAPER)
_MARK: Final = ("rgba(213,94,0,.12)", "rgba(255,146,72,.16)")
_MARK_INK: Final = ("#a84300", "#ff9d5c")
_NEW: Final = ("rgba(0,158,115,.15)", "rgba(47,185,141,.18)")
_OLD: Final = ("rgba(213,94,0,.13)", "rgba(240,128,60,.18)")
FOLDED_FROM: Final = 3
"""A docstring of at least this many lines is folded to its first line."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines of a source as HTML: `first` to `last` are line numbers in the file; the source has `total` lines."""

    html: str
    first: int
    last: int
    total: int


def stylesheet() -> str:
    """Return the CSS of highlighted source without the <style> tag; it follows the theme without a rerun."""
    tokens = {f".obs-code .{name}{{color:{theme.css((light, dark))}}}" for name, light, dark in COLOURS.values()}
    return "".join(
        [
            f".obs-code{{background:{_PAPER};color:{_INK};border-radius:6px;padding:8px 0;margin:0;",
            "overflow:auto;font:13px/1.55 'Source Code Pro',ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;",
            "tab-size:4;max-height:680px}",
            ".obs-code .l{display:flex;min-width:max-content;padding-right:12px}",
            f".obs-code .l:hover{{background:{theme.css(('rgba(0,0,0,.04)', 'rgba(255,255,255,.05)'))}}}",
            ".obs-code .no{flex:none;width:52px;padding-right:14px;text-align:right;user-select:none;",
            f"color:{_QUIET};position:sticky;left:0;background:{_PAPER}}}",
            ".obs-code .t{white-space:pre;unicode-bidi:isolate}",
            f".obs-code .hit{{background:{theme.css(_MARK)}}}",
            f".obs-code .why{{color:{theme.css(_MARK_INK)};padding-left:24px;white-space:pre;unicode-bidi:isolate}}",
            f".obs-code .more,.obs-code .folds{{color:{_QUIET}}}",
            ".obs-code .c{font-style:italic}.obs-code .f{font-weight:600}",
            ".obs-code a{color:inherit;text-decoration:underline dotted;text-underline-offset:3px}",
            ".obs-code a:hover,.obs-code a:focus{text-decoration-style:solid}",
            ".obs-code summary{list-style:none;cursor:pointer}",
            ".obs-code summary::-webkit-details-marker{display:none}",
            ".obs-code [open]>summary .folds{display:none}.obs-code .sign{flex:none;width:20px;user-select:none}",
            f".obs-code .new{{background:{theme.css(_NEW)}}}.obs-code .old{{background:{theme.css(_OLD)}}}",
            f".obs-code .skip{{color:{_QUIET};padding:2px 0 2px 66px}}",
            *sorted(tokens),
        ]
    )


def part(
    source: str,
    *,
    first_line: int = 1,
    around: int | None = None,
    marks: Mapping[int, str] | None = None,
    links: Mapping[str, str] | None = None,
) -> Part:
    """Return at most `PART_LINES` lines of `source`, which starts at `first_line` of its file; its docstring is folded.

    `around` is a line of the file that the part contains (default: the first); `marks` are notes on lines of the file,
    such as the exceptions raised there; `links` are addresses by the names in the source.
    """
    lines, doc = highlighted_lines(source, tuple(sorted((links or {}).items())))
    target = (around or first_line) - first_line
    start = max(0, min(target - PART_LINES // 2, len(lines) - PART_LINES))
    shown = lines[start : start + PART_LINES]
    first = first_line + start
    rows = list(_rows(shown, first, marks or {}))
    fold = range(doc[0] - start, doc[1] - start + 1) if doc else range(0)
    if len(fold) >= FOLDED_FROM and fold.start >= 0 and fold.stop <= len(rows):
        rows[fold.start : fold.stop] = [_folded(rows[fold.start : fold.stop])]
    last = first + len(shown) - 1
    return Part(region(rows, f"Source code, lines {first} to {last}"), first, last, len(lines))


def region(rows: Iterable[str], label: str) -> str:
    """Return rows of HTML as a code box that can also be scrolled by keyboard."""
    return f'<div class="obs-code" role="region" aria-label="{escape(label)}" tabindex="0">{"".join(rows)}</div>'


def lines_of(source: str) -> list[str]:
    """Return the lines of `source` as Python counts them: LF, CR LF and CR end a line."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines


def _rows(lines: Sequence[str], first: int, marks: Mapping[int, str]) -> Iterator[str]:
    for number, line in enumerate(lines, first):
        mark = marks.get(number)
        note = f'<span class="why">◂ {escape(mark)}</span>' if mark else ""
        kind = "l hit" if mark else "l"
        yield f'<div class="{kind}"><span class="no">{number}</span><span class="t">{line or " "}</span>{note}</div>'


def _folded(rows: Sequence[str]) -> str:
    """The rows of a docstring, folded into the first."""
    more = f'<span class="folds"> … {len(rows) - 1} more lines</span></div>'
    first = f"{rows[0].removesuffix('</div>')}{more}"
    return f'<details><summary title="Docstring">{first}</summary>{"".join(rows[1:])}</details>'


@lru_cache(maxsize=64)
def highlighted_lines(
    source: str, links: tuple[tuple[str, str], ...] = ()
) -> tuple[tuple[str, ...], tuple[int, int] | None]:
    """Return each line of `source` as HTML, and the first and last line of its docstring (from 0), if it has one."""
    full = lines_of(source.replace("\0", "␀"))
    short = [line[:LINE_CHARACTERS] for line in full]
    doc = None
    if sum(map(len, short)) > HIGHLIGHTED_CHARACTERS:
        lines = [escape(line) for line in short]
    else:
        tokens = list(PythonLexer(stripnl=False, ensurenl=False).get_tokens("\n".join(short)))
        lines = list(_lines_of_tokens(tokens, dict(links)))
        doc = _docstring(tokens)
    excess = [len(line) - LINE_CHARACTERS for line in full]
    cut = (
        f'{html}<span class="more"> … {more:,} more characters</span>' if more > 0 else html
        for html, more in zip(lines, excess, strict=True)
    )
    return tuple(cut), doc


def _docstring(tokens: Iterable[tuple[TokenType, str]]) -> tuple[int, int] | None:
    """The lines of the first docstring."""
    line = 0
    for kind, text in tokens:
        if kind is String.Doc:
            return line, line + text.count("\n")
        line += text.count("\n")
    return None


def _lines_of_tokens(tokens: Iterable[tuple[TokenType, str]], links: Mapping[str, str]) -> Iterator[str]:
    """Join tokens to lines of HTML; a token of several lines is split."""
    line: list[str] = []
    for kind, text in tokens:
        name = _class_of(kind)
        address = links.get(text) if kind is Name or String in kind.split() else None
        for number, piece in enumerate(text.split("\n")):
            if number:
                yield "".join(line)
                line = []
            if piece:
                shown = f'<span class="{name}">{escape(piece)}</span>' if name else escape(piece)
                line.append(f'<a href="{escape(address)}" target="_self">{shown}</a>' if address else shown)
    yield "".join(line)


@lru_cache(maxsize=256)
def _class_of(kind: TokenType) -> str:
    """The CSS class of a token type: its own, or that of the nearest parent with a colour."""
    while kind not in COLOURS and kind.parent is not None:
        kind = kind.parent
    return COLOURS[kind][0] if kind in COLOURS else ""
