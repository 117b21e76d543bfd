"""Text that can be encoded as UTF-8 and stored in the log."""

import json
import json.encoder
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_NOT_FINITE: Final = {math.inf: "Infinity", -math.inf: "-Infinity"}
_encode_simply: Final = json.JSONEncoder(ensure_ascii=False, default=str, allow_nan=False).encode
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def _shared_encoder() -> Callable[[object], str]:
    """An encoder that is made once: JSONEncoder makes one at each call (1 of 1.3 µs for an object with one field)."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without the module in C
        return _encode_simply
    sort_keys = skip_keys = allow_nan = False
    pieces = make(None, str, json.encoder.encode_basestring, None, ": ", ", ", sort_keys, skip_keys, allow_nan)
    return lambda value: "".join(pieces(value, 0))


_encode: Final = _shared_encoder()


def clean(text: str) -> str:
    """`text` with lone surrogates, which UTF-8 can't encode, replaced by U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def cleaned(text: object) -> str | None:
    """`text` as a string without lone surrogates; None if it is empty or None."""
    return clean(str(text)) if text else None


def json_text(value: object) -> str:
    """Plain data as JSON. NaN and infinite numbers, for which JSON has none, become their names in OTLP's JSON."""
    try:
        return _encode(value)
    except ValueError:
        return _encode(plain(value))


def plain(value: object) -> Any:  # noqa: ANN401 - whatever it was
    """`value` with the names of numbers that JSON has not."""
    if isinstance(value, float):
        return finite(value)
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    return list(map(plain, value)) if isinstance(value, list | tuple) else value


def finite(number: float) -> float | str:
    """`number`, or its name in OTLP's JSON (NaN, Infinity, -Infinity) if JSON has no number for it."""
    return number if math.isfinite(number) else _NOT_FINITE.get(number, "NaN")
