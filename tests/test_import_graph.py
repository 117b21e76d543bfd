"""The picture in docs/architecture.md is the import graph as it is now."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("import_graph", ROOT / "docs" / "import_graph.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_diagram_of_the_packages_is_up_to_date() -> None:
    document = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert _script().updated(document) == document, "run python docs/import_graph.py"
