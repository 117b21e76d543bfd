"""Text folded so that it can be searched fast: what a worker's mirror keeps of the columns that a search looks in.

A folded text is plain ASCII whatever the log holds, so that no byte of it can harm DuckDB: pure ASCII goes in lower
case; everything else (and what holds a NUL) in hex behind an `X`, which lower case and hex digits hold nowhere else;
what is longer than `LONGEST` is a mere `L`. Searching finds every row that holds the text, and now and then one that
does not: SQLite has the last word.
"""

from typing import Final

SEARCHED: Final = ("process", "data", "data_value", "exception")
"""The columns in which a search looks for text."""

PREFIX: Final = "folded_"
COLUMNS: Final = tuple(f"{PREFIX}{column}" for column in SEARCHED)
LONGEST: Final = 2_000  # bytes; of a million recorded rows none has longer ones, and a page of them is read at once
_NOWHERE: Final = "Z"


def folded(column: str) -> str:
    """SQL of SQLite for one of `COLUMNS`. GLOB stops at a NUL; only then is an ASCII text longer in bytes."""
    cell = f'"{column.removeprefix(PREFIX)}"'
    size = f"length(CAST({cell} AS BLOB))"
    return (
        f"CASE WHEN {cell} IS NULL THEN NULL WHEN {size} > {LONGEST} THEN 'L'"
        f" WHEN length({cell}) = {size} AND {cell} NOT GLOB '*[^' || char(1) || '-' || char(127) || ']*'"
        f" THEN lower({cell}) ELSE 'X' || hex(lower({cell})) END"
    )


def looked_for(search: str) -> dict[str, str]:
    """What to look for in folded texts: `plain` in those of pure ASCII, `hex` in all others.

    A search in ASCII is found in other texts by its bytes. One that is not, or that folds to other letters, may stand
    in any text that is not ASCII; and in one that is, only if it folds to ASCII (`ß` to `ss`).
    """
    text = search.casefold()
    plain = text if text.isascii() and "\0" not in text else _NOWHERE
    return {"plain": plain, "hex": text.encode().hex().upper() if is_plain(search) else "X"}


def is_plain(text: str) -> bool:
    """Whether it is pure ASCII without a NUL."""
    return text.isascii() and "\0" not in text
