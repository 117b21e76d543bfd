"""One module per kind of rule; each defines `KIND`, and `KINDS` finds it without a list to edit."""

import pkgutil
from importlib import import_module
from typing import Final

from obs_core.alerts.rules.kind import Kind

_MODULES: Final = sorted(module.name for module in pkgutil.iter_modules(__path__))
_READS: Final = ("values", "calls", "writers")

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in sorted(
        (import_module(f"{__name__}.{name}").KIND for name in _MODULES),
        key=lambda kind: (_READS.index(kind.reads), kind.name),
    )
}
"""All kinds by name: those that read values first, then calls, then writers."""
