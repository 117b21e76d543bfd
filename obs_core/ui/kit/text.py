"""Makes text of traced programs safe to display: no character hides or reverses the text around it."""

from typing import Final

from pandas import isna

_ARROW: Final = "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}"
_UNSEEN: Final = "\N{REPLACEMENT CHARACTER}"
_BIDI: Final = (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))

_SHOWN: Final[dict[int, str]] = (
    dict.fromkeys((*range(32), *range(127, 160)), _UNSEEN)
    | {code: f"<U+{code:04X}>" for code in _BIDI}
    | {ord("\n"): f" {_ARROW} ", ord("\r"): "", ord("\t"): "  ", 0x85: _UNSEEN}
)


def plain(value: object, limit: int) -> str:
    """Return `value` as one line of at most `limit` characters (then …); an empty text if it is unknown.

    Line ends become arrows, other control characters become the replacement character, and direction marks
    (Unicode TR 9) are spelled out: they could disguise one text as another.
    """
    if value is None or (not isinstance(value, str) and isna(value)):  # type: ignore[call-overload]
        return ""
    text = str(value)
    return f"{text[:limit].translate(_SHOWN)}…" if len(text) > limit else text.translate(_SHOWN)


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: 1 call, 1,234 calls."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def css_string(text: str) -> str:
    """Return `text` as a string in a style sheet inside HTML: all but letters, digits and spaces is escaped."""
    return '"' + "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in text) + '"'
