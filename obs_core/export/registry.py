"""All export formats: the object `FORMAT` of every module in this package that has one, by name."""

import importlib
import pkgutil
from typing import Final

from obs_core import export
from obs_core.export.export_format import ExportFormat

_MODULES: Final = sorted(module.name for module in pkgutil.iter_modules(export.__path__))
_WITHOUT: Final = ("registry", "child_process")  # the second is a program that imports this module
FORMATS: Final[dict[str, ExportFormat]] = {
    known.name: known
    for name in _MODULES
    if name not in _WITHOUT
    if (known := getattr(importlib.import_module(f"{export.__name__}.{name}"), "FORMAT", None))
}


def offered_for(what: str) -> list[ExportFormat]:
    """The formats that the dashboard offers for the "rows" of a page or for one "trace"."""
    return [known for known in FORMATS.values() if known.offered_for == what]
