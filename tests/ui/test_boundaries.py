"""After an error in a panel, no code uses what its block should have bound."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUARDS = frozenset({"boundary", "panel"})


def sources() -> list[Path]:
    return sorted([*(ROOT / "pages").glob("*.py"), *(ROOT / "obs_core" / "ui").rglob("*.py")])


def unbound_after_an_error(text: str) -> list[str]:
    """The names in `text` that are bound only in a guarded block, and used after it or by its suggestions."""
    module = ast.parse(text)
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    top = [node for node in module.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
    scopes: list[ast.Module | ast.FunctionDef] = [ast.Module(body=list(top), type_ignores=[]), *functions]
    return sorted({f"{name} (line {line})" for scope in scopes for name, line in _unbound(scope)})


def _unbound(scope: ast.Module | ast.FunctionDef) -> Iterator[tuple[str, int]]:
    names = [node for node in ast.walk(scope) if isinstance(node, ast.Name)]
    parameters = {node.arg for node in ast.walk(scope) if isinstance(node, ast.arg)}
    for block in (node for node in ast.walk(scope) if isinstance(node, ast.With) and _is_guarded(node)):
        inside = {id(node) for part in block.body for node in ast.walk(part)}
        bound = {node.id for node in names if isinstance(node.ctx, ast.Store) and id(node) in inside}
        before = {node.id for node in names if isinstance(node.ctx, ast.Store) and node.lineno < block.lineno}
        for node in names:
            is_later = id(node) not in inside and isinstance(node.ctx, ast.Load) and node.lineno >= block.lineno
            if is_later and node.id in bound - before - parameters:
                yield node.id, node.lineno


def _is_guarded(block: ast.With) -> bool:
    calls = [item.context_expr for item in block.items if isinstance(item.context_expr, ast.Call)]
    names = {call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "") for call in calls}
    return bool(names & GUARDS)


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_a_guarded_block_binds_is_used_after_it(path: Path) -> None:
    assert unbound_after_an_error(path.read_text("utf-8")) == []


def test_a_use_after_the_block_and_one_by_its_suggestions_are_found() -> None:
    text = """
def view(scope):
    before = None
    with panel("A", suggestions=lambda: [late]):
        late = ask(scope)
        before = late
    if before and late:
        with shell.boundary("B"):
            inner = scope
            draw(inner)
"""
    assert unbound_after_an_error(text) == ["late (line 4)", "late (line 7)"]
