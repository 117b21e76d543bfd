"""One trace as a tree: callers, depths, and the time that each call spent in itself.

Pure functions of the trace's rows, without recursion. Every row is in the tree: a row with a missing parent is an
orphan, a cycle is cut at its earliest row, and a re-used id belongs to its first row.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


class Node(NamedTuple):
    """One row of a trace: its own id, its parent's, its start, and its duration if known."""

    span_id: str | None
    parent_span_id: str | None
    start_ns: int
    duration_ns: int | None = None


class TreeNode(NamedTuple):
    """A row in the tree: `row` is its index; roots and orphans have depth 1; `self_ns` is None without a duration."""

    row: int
    depth: int
    orphan: bool
    cyclic: bool
    self_ns: int | None


def tree_nodes(nodes: Sequence[Node]) -> list[TreeNode]:
    """The rows depth first, siblings by start, each exactly once; `nodes` must be sorted by start."""
    parents = _parents(nodes)
    children: list[list[int]] = [[] for _ in nodes]
    tops: list[int] = []
    for row, parent in enumerate(parents):
        (tops if parent is None else children[parent]).append(row)
    cyclic = _cycle_starts(parents)
    tops = sorted((*tops, *cyclic))
    known = {node.span_id for node in nodes if node.span_id}
    arranged = []
    for row, depth in _depth_first(tops, children):
        parent_id = nodes[row].parent_span_id
        orphan = bool(parent_id) and parent_id not in known
        kin = [nodes[child] for child in children[row] if child != row]
        arranged.append(TreeNode(row, depth, orphan, row in cyclic, self_ns(nodes[row], kin)))
    return arranged


def self_ns(call: Node, children: Iterable[Node]) -> int | None:
    """The call's duration without the union of its children's intervals, each clipped to the call.

    This is the rule of Jaeger's trace statistics. None for a call without a duration; never negative.
    """
    if call.duration_ns is None:
        return None
    covered = reached = 0
    for child in sorted(children, key=lambda node: node.start_ns):
        if child.duration_ns is None:
            continue
        start = max(child.start_ns - call.start_ns, reached)
        end = min(child.start_ns - call.start_ns + child.duration_ns, call.duration_ns)
        covered += max(0, end - start)
        reached = max(reached, end)
    return max(0, call.duration_ns - covered)


def _parents(nodes: Sequence[Node]) -> list[int | None]:
    """The index of each row's parent; None for roots and orphans."""
    first: dict[str, int] = {}
    for row, node in enumerate(nodes):
        if node.span_id:
            first.setdefault(node.span_id, row)
    return [first.get(node.parent_span_id) if node.parent_span_id else None for node in nodes]


def _cycle_starts(parents: Sequence[int | None]) -> set[int]:
    """The earliest row of each cycle; no root leads to a cycle."""
    seen_in: list[int | None] = [None] * len(parents)  # the walk upwards that reached the row first
    starts = set()
    for walk in range(len(parents)):
        row: int | None = walk
        while row is not None and seen_in[row] is None:
            seen_in[row] = walk
            row = parents[row]
        if row is not None and seen_in[row] == walk:
            starts.add(min(_around(row, parents)))
    return starts


def _around(row: int, parents: Sequence[int | None]) -> Iterator[int]:
    """The rows of the cycle through `row`."""
    yield row
    step = parents[row]
    while step is not None and step != row:
        yield step
        step = parents[step]


def _depth_first(tops: Sequence[int], children: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Each row once with its depth, starting at `tops`; a row that closes a cycle is skipped."""
    starts = set(tops)
    waiting = [(row, 1) for row in reversed(tops)]
    while waiting:
        row, depth = waiting.pop()
        yield row, depth
        waiting.extend((child, depth + 1) for child in reversed(children[row]) if child not in starts)
