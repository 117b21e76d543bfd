"""The releases of the demo: one module in two versions, so that a version that got slower is in the log."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

MODULE: Final = "obs_core.demo.spread"
"""The name under which either version is imported."""

FILES: Final = {"1.4.0": "spread_1_4.py", "1.5.0": "spread_1_5.py"}
FIRST: Final = "1.4.0"
SECOND: Final = "1.5.0"


def load(version: str) -> ModuleType:
    """Import the module of this release."""
    spec = spec_from_file_location(MODULE, Path(__file__).with_name(FILES[version]))
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    return module
