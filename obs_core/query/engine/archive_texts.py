"""Text conditions on the rows of a piece: where Parquet stores a column as a dictionary, each text is matched once."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from obs_core.query.engine.search_text import SEARCHED

_DICTIONARY: Final = {"PLAIN", "RLE", "PLAIN_DICTIONARY", "RLE_DICTIONARY"}
"""The encodings that pyarrow reads as a dictionary; it can't do so with DuckDB's DELTA_LENGTH_BYTE_ARRAY."""
Matcher = Callable[[Any], Any]


def matcher(parameters: Mapping[str, Any]) -> Matcher | None:
    """Says which texts of an array may match the search of a query; None if it has no search.

    `pattern` is that of LIKE, which folds ASCII only; all its wildcards but the first and the last are escaped.
    """
    if (pattern := parameters.get("pattern")) is not None:
        text = _lower(re.sub(r"\\(.)", r"\1", str(pattern)[1:-1]))
        return lambda texts: pc.match_substring(pc.ascii_lower(texts), text)
    if (folded := parameters.get("folded")) is not None:
        part = str(folded)
        return lambda texts: pa.array([part in (text or "").casefold() for text in texts.to_pylist()], pa.bool_())
    return None


@lru_cache(maxsize=256)
def description(path: Path) -> Any:  # noqa: ANN401 - untyped in pyarrow
    """The description of a file; files never change, and reading it takes a millisecond."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - 8 MB, only where rows have left the log

    return pq.read_metadata(path)


def rows_with_text(path: Path, number: int, matches: Matcher) -> Any:  # noqa: ANN401 - untyped in pyarrow
    """Which rows of a row group have a text that matches in one of the searched columns.

    Raises:
        OSError: the file is missing. pa.ArrowException: it is damaged.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    file = pq.ParquetFile(path, metadata=description(path), read_dictionary=_dictionaries(path))
    mask = None
    for name in SEARCHED:
        column = file.read_row_group(number, [name], use_threads=False).column(0)
        rows = pa.chunked_array([_chunk(chunk, matches) for chunk in column.chunks], pa.bool_())
        mask = rows if mask is None else pc.or_(mask, rows)
    return mask


def _chunk(chunk: Any, matches: Matcher) -> Any:  # noqa: ANN401 - untyped in pyarrow
    if not pa.types.is_dictionary(chunk.type):
        return pc.fill_null(matches(chunk), fill_value=False)
    matching = matches(chunk.dictionary)
    if not pc.any(matching).as_py():
        return pa.repeat(pa.scalar(value=False), len(chunk))
    return pc.fill_null(pc.take(matching, chunk.indices), fill_value=False)


@lru_cache(maxsize=256)
def _dictionaries(path: Path) -> list[str]:
    """The searched columns that are stored as a dictionary in all row groups; files never change."""
    metadata = description(path)
    names = metadata.schema.names
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return [
        name for name in SEARCHED
        if all(_DICTIONARY.issuperset(group.column(names.index(name)).encodings) for group in groups)
    ]  # fmt: skip


def _lower(text: str) -> str:
    """The text with ASCII letters in lower case, as LIKE compares them."""
    return str(pc.ascii_lower(pa.scalar(text)).as_py())
