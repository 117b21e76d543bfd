"""Writes the picture of docs/architecture.md from the imports of obs_core: `python docs/import_graph.py`.

An arrow means "imports". Arrows that follow from others are left out (transitive reduction), so the picture shows the
layers; modules that nearly everything imports (errors, clock, model, settings …) are one box without arrows.
"""

import sys
from pathlib import Path
from typing import Final

import grimp

ROOT: Final = Path(__file__).parents[1]
DOCUMENT: Final = ROOT / "docs" / "architecture.md"
BEGIN: Final = "<!-- import graph: written by docs/import_graph.py -->\n"
END: Final = "<!-- end of import graph -->\n"
PACKAGE: Final = "obs_core"


def mermaid() -> str:
    """The import graph of the packages of `obs_core` as a Mermaid flowchart."""
    graph = grimp.build_graph(PACKAGE)
    packages = sorted(child for child in graph.find_children(PACKAGE) if graph.find_children(child))
    single = sorted(_short(child) for child in graph.find_children(PACKAGE) if not graph.find_children(child))
    pages = {"charts": "charts"} if "charts" in single else {}
    nodes = [_short(package) for package in packages] + list(pages)
    imports = {name: _imports(graph, name, nodes) for name in nodes}
    lines = ["```mermaid", "flowchart TB", '    pages["pages/<br/>streamlit_app.py"] --> serve & ui']
    for name in nodes:
        children = sorted(
            _short(child) for child in graph.find_children(f"{PACKAGE}.{name}") if graph.find_children(child)
        )
        label = f"{name}/<br/><small>{' · '.join(children)}</small>" if children else name
        lines.append(f'    {name}["{label}"]')
    for name in nodes:
        reduced = sorted(target for target in imports[name] if not _indirect(imports, name, target))
        if reduced:
            lines.append(f"    {name} --> {' & '.join(reduced)}")
    base = " · ".join(name for name in single if name not in {*pages, "__main__"})
    lines += [f'    base["{base}"]', "    store --> base", "```"]
    return "\n".join(lines) + "\n"


def updated(document: str) -> str:
    """`document` with the picture between its marks replaced by the present one."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{mermaid()}{END}{after}"


def _imports(graph: grimp.ImportGraph, name: str, nodes: list[str]) -> set[str]:
    package = f"{PACKAGE}.{name}"
    return {
        other
        for other in nodes
        if other != name
        and graph.find_shortest_chains(importer=package, imported=f"{PACKAGE}.{other}", as_packages=True)
        and graph.direct_import_exists(importer=package, imported=f"{PACKAGE}.{other}", as_packages=True)
    }


def _indirect(imports: dict[str, set[str]], name: str, target: str) -> bool:
    """Whether `name` reaches `target` by way of another import of its own."""
    waiting, seen = [other for other in imports[name] if other != target], set[str]()
    while waiting:
        other = waiting.pop()
        if target in imports[other]:
            return True
        seen.add(other)
        waiting += [further for further in imports[other] if further not in seen]
    return False


def _short(module: str) -> str:
    return module.rpartition(".")[2]


if __name__ == "__main__":
    old = DOCUMENT.read_text("utf-8")
    DOCUMENT.write_text(updated(old), "utf-8")
    sys.exit(0)
