"""The functions of `os` and `time` as they were when obs_core was imported, and `open`.

A program or a test may replace `os.makedirs` or `builtins.open` for a while. What we do meanwhile must not reach the
replacement. Names bound here also survive longer at the end of the interpreter.
"""

import os as _os
from io import open as open_file
from time import monotonic, perf_counter_ns, sleep, time_ns
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os as os  # noqa: PLC0414 - exported
else:
    os = SimpleNamespace(**vars(_os))

__all__ = ["monotonic", "open_file", "os", "perf_counter_ns", "sleep", "time_ns"]
