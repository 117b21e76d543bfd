"""All import formats: the object `FORMAT` of every module in this package that has one.

No two formats fit the same file, so their order means nothing; a test checks it with the samples.
"""

import importlib
import pkgutil
from typing import Final

from obs_core.ingest import formats
from obs_core.ingest.formats.import_format import BinaryFormat, ImportFormat, JsonFormat, TableFormat

_MODULES: Final = sorted(module.name for module in pkgutil.iter_modules(formats.__path__) if not module.ispkg)
FORMATS: Final[tuple[ImportFormat, ...]] = tuple(
    known
    for name in _MODULES
    if name not in ("detect", "json_documents", "registry")
    if (known := getattr(importlib.import_module(f"{formats.__name__}.{name}"), "FORMAT", None))
)
JSON_FORMATS: Final = tuple(known for known in FORMATS if isinstance(known, JsonFormat))
TABLE_FORMATS: Final = tuple(known for known in FORMATS if isinstance(known, TableFormat))
BINARY_FORMATS: Final = tuple(known for known in FORMATS if isinstance(known, BinaryFormat))


def format_names() -> str:
    """The names of all formats, for help and errors."""
    return listed(FORMATS)


def listed(formats_: tuple[ImportFormat, ...]) -> str:
    """The names of some formats, in alphabetical order."""
    names = sorted((known.name for known in formats_), key=str.casefold)
    return f"{', '.join(names[:-1])} or {names[-1]}"
