"""Trace Python programs into one SQLite file. This is the API of traced programs; standard library only.

from obs_core import trace, span, record

@trace
def price(symbol: str) -> float: ...
"""

from obs_core.capture.api import configure, flush
from obs_core.capture.calls.decorator import trace
from obs_core.capture.calls.instrument import instrument
from obs_core.capture.calls.span import record, record_many, span
from obs_core.capture.context import current_trace_id, extract, inject

__all__ = [
    "configure",
    "current_trace_id",
    "extract",
    "flush",
    "inject",
    "instrument",
    "record",
    "record_many",
    "span",
    "trace",
]
