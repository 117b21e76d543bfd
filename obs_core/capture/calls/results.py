"""The result of a call as the value of its frame."""

from marshal import dumps
from typing import Any, Final

from obs_core.capture.spool.frames import DESCRIBED, MARSHAL_VERSION
from obs_core.capture.values.allowance import allowance, named, short_allowance
from obs_core.capture.values.describe import encode_plain
from obs_core.capture.values.limits import rules
from obs_core.capture.values.redact import may_contain

NO_RESULT: Final[dict[str, Any]] = {"result": False}
"""The details of a call without a result."""

_encoded: Final[dict[int, tuple[type, int, bytes]]] = {}


def encode_result(value: Any, now_ns: int) -> tuple[int, bytes]:  # noqa: ANN401 - any result
    """(DESCRIBED or 0, the marshalled value of the frame); `now_ns` is the clock `perf_counter_ns`.

    In a program that does little but return objects, most of them are described by their type alone. The bytes for that
    are the same each time, so nothing is looked at.

    Raises:
        Exception: a container was changed by another thread, or a type has a wrong interface.
    """
    kind = type(value)
    if kind is str:
        if len(value) <= rules.cap and (value.isalnum() or not may_contain(value)):
            return 0, dumps(value, MARSHAL_VERSION)
    elif kind is not dict and (known := _encoded.get(id(kind))) is not None:
        is_used_up = now_ns < allowance.used_until_ns and now_ns < short_allowance.used_until_ns
        if is_used_up and not rules.foreign_repr:
            return known[1:]
    plain, details = encode_plain(value)
    if details is None:
        return 0, dumps(plain, MARSHAL_VERSION)
    if (alone := named.get(id(kind))) is not None and id(kind) not in _encoded:
        _encoded[id(kind)] = kind, DESCRIBED, dumps((None, alone[1]), MARSHAL_VERSION)
    return DESCRIBED, dumps((plain, details), MARSHAL_VERSION)
