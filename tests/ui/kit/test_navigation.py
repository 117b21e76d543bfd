"""Links: what code may change a page's link."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]
CHANGES = {"pop", "update", "clear", "from_dict", "popitem", "setdefault"}


def changes_of_the_link(source: str) -> list[int]:
    """The lines that change `st.query_params` themselves."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="query_params"), attr=name)) if name in CHANGES:
                lines.append(node.lineno)
            case ast.Subscript(value=ast.Attribute(attr="query_params"), ctx=ast.Store() | ast.Del()):
                lines.append(node.lineno)
    return lines


def test_only_navigation_changes_the_link() -> None:
    """Streamlit raises if a parameter is removed that is bound to a control; `navigation.update_link` knows that."""
    assert changes_of_the_link("st.query_params.pop('a')\nst.query_params['b'] = 1\ndel st.query_params['c']") == [
        1,
        2,
        3,
    ]
    found = {
        str(path.relative_to(ROOT)): lines
        for folder in ("obs_core", "pages")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := changes_of_the_link(path.read_text("utf-8")))
    }
    assert list(found) == ["obs_core/ui/kit/navigation.py"]
