"""Arrays, data frames and scalars of numerical libraries: their texts, and what they are compared by.

NumPy and pandas are never imported: a program that has their values has imported them. Of a subclass in the program,
only the methods of the library's class are used. Values of other libraries are described by shape and are incomparable.
"""

import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from obs_core.capture.values.equality import Key
from obs_core.capture.values.type_info import TypeInfo, root_of

_COLUMNS: Final = 24
_PIECE: Final = 1 << 20  # bytes of an array with strides that are copied at a time
_PER_ROW: Final = 64  # bytes that a row costs which pandas hashes
_PANDAS_SCALARS: Final = frozenset({"Timestamp", "Timedelta", "Period", "Interval", "NaTType", "NAType"})
Text = tuple[str, int | None]


def text_of(value: Any, info: TypeInfo, *, nested: bool) -> Text | None:  # noqa: ANN401, PLR0911 - any value, one line per library
    """(text, length) of a value of a library; None for values without a shape, except known scalars."""
    base, root = info.base, root_of(info.base)
    if root == "numpy":
        return _numpy_text(value, info, sys.modules["numpy"], nested=nested)
    if root_of(type(value)) != root:
        return None  # a subclass in the program
    if info.name in _PANDAS_SCALARS:
        return _pandas_scalar(value), None
    shape = getattr(base, "shape", None) is not None and value.shape
    if not isinstance(shape, tuple):
        return None
    if hasattr(base, "columns"):
        columns = [str(name) for name in islice(value.columns, _COLUMNS) if isinstance(name, str | int | float | tuple)]
        more = ", …" if shape[1] > len(columns) else ""
        names = f"{', '.join(columns)}{more}"
        return f"{info.name} {shape[0]:,} rows x {shape[1]:,} columns ({names})", shape[0]
    if hasattr(base, "dtype"):
        size = " x ".join(f"{length:,}" for length in shape)
        return f"{info.name} {size or 'scalar'} {value.dtype}", shape[0] if shape else None
    return None


def feed(key: Key, value: Any, info: TypeInfo) -> list[Any]:  # noqa: ANN401 - any value
    """Hash the content of a value of a library; return the objects in it, which are still to be added."""
    root = root_of(info.base)
    if root == "numpy":
        return _feed_numpy(key, value, info, sys.modules["numpy"])
    if root == "pandas" and root_of(type(value)) == root:
        return _feed_pandas(key, value, info.name, sys.modules["pandas"])
    key.fail()
    return []


def _numpy_text(value: Any, info: TypeInfo, numpy: Any, *, nested: bool) -> Text | None:  # noqa: ANN401
    if issubclass(info.base, numpy.ndarray):
        array = _plain(value, numpy)
        if not array.shape and not array.dtype.hasobject:
            return str(array), None
        size = " x ".join(f"{length:,}" for length in array.shape)
        return f"{info.name} {size or 'scalar'} {array.dtype}", array.shape[0] if array.shape else None
    if issubclass(info.base, numpy.generic):
        if issubclass(info.base, numpy.void) and value.dtype.hasobject:
            return f"{info.name} {value.dtype}", None
        shown = info.base.__str__(value)
        whole = not nested or issubclass(info.base, numpy.integer | numpy.bool_)
        return shown if whole else f"{info.name}({shown})", None
    return None


def _feed_numpy(key: Key, value: Any, info: TypeInfo, numpy: Any) -> list[Any]:  # noqa: ANN401
    if issubclass(info.base, numpy.generic):
        if issubclass(info.base, numpy.void) and value.dtype.hasobject:
            return [value.item()]
        key.add(f"{info.name} {value.dtype}", info.base.tobytes(value))
        return []
    if not issubclass(info.base, numpy.ndarray):
        key.fail()
        return []
    array = _plain(value, numpy)
    key.add(f"{array.dtype} {array.shape}")
    more = [numpy.ma.getmaskarray(value)] if "numpy.ma" in sys.modules and _is_masked(value, numpy) else []
    if array.dtype.hasobject:
        key.parts_left -= array.size
        if key.parts_left < 0:
            key.fail()
            return []
        return [*array.reshape(-1).tolist(), *more]
    if key.can_take(array.nbytes):
        for block in _blocks(array, numpy):
            key.add_block(block)
    return more


def _is_masked(value: Any, numpy: Any) -> bool:  # noqa: ANN401
    return issubclass(type(value), numpy.ma.MaskedArray) and root_of(type(value)) == "numpy"


def _plain(value: Any, numpy: Any) -> Any:  # noqa: ANN401
    """The array without its subclass, which may be the program's."""
    return value if type(value) is numpy.ndarray else numpy.ndarray.view(value, numpy.ndarray)


def _blocks(array: Any, numpy: Any) -> Iterator[memoryview]:  # noqa: ANN401
    """The bytes of an array in the order of its items; without a copy, or in copies of 1 MiB if it has strides."""
    if not array.nbytes:
        return
    if array.flags.c_contiguous:
        yield memoryview(array.reshape(-1).view(numpy.uint8))
    elif array.nbytes <= _PIECE:  # `tobytes` copies item by item: 39 ms for 8 MiB of bytes instead of 17
        yield memoryview(array.copy().reshape(-1).view(numpy.uint8))
    else:
        rows = max(1, array.shape[0] * _PIECE // array.nbytes)
        pieces = (array[start : start + rows] for start in range(0, array.shape[0], rows))
        for piece in array if rows == 1 else pieces:
            yield from _blocks(piece, numpy)


def _pandas_scalar(value: Any) -> str:  # noqa: ANN401 - a scalar of pandas
    zone = getattr(value, "tzinfo", None)
    if zone is None or root_of(type(zone)) in ("datetime", "zoneinfo"):
        return repr(value)
    return f"{type(value).__name__}('{value.asm8}', tz=<{type(zone).__name__}>)"  # its repr is the program's code


def _feed_pandas(key: Key, value: Any, name: str, pandas: Any) -> list[Any]:  # noqa: ANN401, C901, PLR0911 - one line per class
    if name in _PANDAS_SCALARS:
        key.add(_pandas_scalar(value))
        zone = getattr(value, "tzinfo", None)
        return [] if zone is None or root_of(type(zone)) in ("datetime", "zoneinfo") else [zone]
    if isinstance(value, pandas.DataFrame):
        key.parts_left -= value.shape[1]
        if key.parts_left < 0:
            key.fail()
            return []
        return [value.columns, value.index, *(value.iloc[:, number].array for number in range(value.shape[1]))]
    if isinstance(value, pandas.Series):
        return [value.name, value.index, value.array]
    if isinstance(value, pandas.RangeIndex):
        return [value.name, value.start, value.stop, value.step]
    if isinstance(value, pandas.MultiIndex):
        return [list(value.names), *value.levels, *(codes.view() for codes in value.codes)]
    if isinstance(value, pandas.Index):
        return [value.name, value.array]
    if isinstance(value, pandas.Categorical):
        return [value.codes, value.categories, bool(value.ordered)]
    if isinstance(value, pandas.arrays.NumpyExtensionArray):
        return [value.to_numpy()]
    if isinstance(value, pandas.api.extensions.ExtensionArray) and key.can_take(len(value) * _PER_ROW):
        key.add(str(value.dtype))
        return [pandas.util.hash_array(value, categorize=False)]
    key.fail()
    return []
