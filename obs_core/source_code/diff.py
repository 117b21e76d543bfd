"""Two versions of a function as a highlighted diff with the line numbers of both."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from obs_core.source_code import highlight

CONTEXT: Final = 3
_GONE: Final = "\N{MINUS SIGN}"
CAREFUL_LINES: Final = 2_000
"""Longer sources use difflib's shortcut for frequent lines: without it a comparison takes seconds."""


@dataclass(frozen=True, slots=True)
class Diff:
    """A diff as HTML, the number of added and removed lines, and how many lines of the diff are not in it."""

    html: str
    added: int
    removed: int
    left_out: int


def diff(older: str, newer: str, *, older_line: int = 1, newer_line: int = 1) -> Diff:
    """Compare `older` with `newer`, with `CONTEXT` lines around each change; both start at these lines of their files.

    Whole lines are compared, and shown as in `highlight`: at most `highlight.PART_LINES` of them.
    """
    before, after = highlight.lines_of(older), highlight.lines_of(newer)
    matcher = SequenceMatcher(None, before, after, autojunk=max(len(before), len(after)) > CAREFUL_LINES)
    changes = [opcode for opcode in matcher.get_opcodes() if opcode[0] != "equal"]
    rows = list(
        _rows(
            matcher,
            highlight.highlighted_lines(older)[0],
            highlight.highlighted_lines(newer)[0],
            (older_line, newer_line),
        )
    )
    shown = rows[: highlight.PART_LINES]
    return Diff(
        highlight.region(shown, "What changed between the versions"),
        added=sum(end - start for *_, start, end in changes),
        removed=sum(end - start for _, start, end, *_ in changes),
        left_out=len(rows) - len(shown),
    )


def _rows(
    matcher: "SequenceMatcher[str]", older: tuple[str, ...], newer: tuple[str, ...], lines: tuple[int, int]
) -> Iterator[str]:
    for index, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if index:
            yield '<div class="skip">⋯</div>'
        for kind, old_start, old_end, new_start, new_end in group:
            if kind == "equal":
                for step in range(new_end - new_start):
                    yield _row("", lines[0] + old_start + step, lines[1] + new_start + step, newer[new_start + step])
                continue
            for at in range(old_start, old_end):
                yield _row(_GONE, lines[0] + at, None, older[at])
            for at in range(new_start, new_end):
                yield _row("+", None, lines[1] + at, newer[at])


def _row(sign: str, old: int | None, new: int | None, html: str) -> str:
    kind, text = {_GONE: ("l old", "removed"), "+": ("l new", "added")}.get(sign, ("l", ""))
    label = f' aria-label="{text}"' if text else ""
    return (
        f'<div class="{kind}"><span class="no">{old or ""}</span><span class="no">{new or ""}</span>'
        f'<span class="sign"{label}>{sign}</span><span class="t">{html or " "}</span></div>'
    )
