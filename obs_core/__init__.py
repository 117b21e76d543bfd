"""Trace Python programs into one SQLite file. This is the API of traced programs; standard library only.

from obs_core import trace, span, record

@trace
def price(symbol: str) -> float: ...
"""

from typing import TYPE_CHECKING

from obs_core.capture.api import configure, flush
from obs_core.capture.calls.decorator import trace
from obs_core.capture.calls.span import record, record_many, span
from obs_core.capture.context import current_trace_id, extract, extracted, inject
from obs_core.version import VERSION

if TYPE_CHECKING:
    from obs_core.capture.calls.instrument import instrument, uninstrument

__version__ = VERSION

__all__ = [
    "__version__",
    "configure",
    "current_trace_id",
    "extract",
    "extracted",
    "flush",
    "inject",
    "instrument",
    "record",
    "record_many",
    "span",
    "trace",
    "uninstrument",
]


def __getattr__(name: str) -> object:
    """Load `instrument` with its first use: most programs only need the decorator (PEP 562)."""
    if name not in ("instrument", "uninstrument"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from obs_core.capture.calls.instrument import instrument, uninstrument  # noqa: PLC0415 - see above

    globals().update(instrument=instrument, uninstrument=uninstrument)
    return globals()[name]
