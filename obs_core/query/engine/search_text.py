"""Text folded for fast search: how a worker's mirror stores the columns in which a search looks.

A folded text is always plain ASCII, so that no byte of it can fail in DuckDB. Pure ASCII is stored in lower case. Other
text, and text with a NUL, is stored as an `X` and its bytes in hex; no other folded text contains an `X`. Text longer
than `LONGEST` is stored as `L`. A search finds every row with the text and sometimes one without: SQLite checks the
rows again.
"""

from typing import Final

SEARCHED: Final = ("process", "data", "data_value", "exception")
"""The columns in which a search looks for text."""

PREFIX: Final = "folded_"
COLUMNS: Final = tuple(f"{PREFIX}{column}" for column in SEARCHED)
LONGEST: Final = 2_000  # bytes; none of a million recorded rows has a longer one
_NOWHERE: Final = "Z"


def folded(column: str) -> str:
    """SQLite's SQL for one of `COLUMNS`. GLOB stops at a NUL; only then is an ASCII text longer in bytes."""
    cell = f'"{column.removeprefix(PREFIX)}"'
    size = f"length(CAST({cell} AS BLOB))"
    return (
        f"CASE WHEN {cell} IS NULL THEN NULL WHEN {size} > {LONGEST} THEN 'L'"
        f" WHEN length({cell}) = {size} AND {cell} NOT GLOB '*[^' || char(1) || '-' || char(127) || ']*'"
        f" THEN lower({cell}) ELSE 'X' || hex(lower({cell})) END"
    )


def search_parameters(search: str) -> dict[str, str]:
    """What to look for in folded texts: `plain` in those of pure ASCII, `hex` in all others.

    A search in ASCII is found in other texts by its bytes. A search with other characters may match any text that is
    not ASCII; it matches an ASCII text only if it folds to ASCII (`ß` to `ss`).
    """
    text = search.casefold()
    plain = text if text.isascii() and "\0" not in text else _NOWHERE
    return {"plain": plain, "hex": text.encode().hex().upper() if is_plain(search) else "X"}


def is_plain(text: str) -> bool:
    """Whether `text` is pure ASCII without a NUL."""
    return text.isascii() and "\0" not in text
