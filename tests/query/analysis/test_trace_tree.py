"""The tree of a trace, for valid and invalid rows."""

from hypothesis import given
from hypothesis import strategies as st

from obs_core.query.analysis.trace_tree import Node, self_ns, tree_nodes

IDS = st.sampled_from(["a", "b", "c", "d", "e", None])
NODES = st.lists(
    st.builds(Node, IDS, IDS, st.integers(0, 50), st.one_of(st.none(), st.integers(0, 30))), max_size=12
).map(lambda nodes: sorted(nodes, key=lambda node: node.start_ns))


def drawn(*nodes: Node) -> list[str]:
    """Each row's id, indented by its depth."""
    return ["  " * (index.depth - 1) + (nodes[index.row].span_id or "?") for index in tree_nodes(nodes)]


def test_rows_come_depth_first_and_siblings_by_start() -> None:
    assert drawn(
        Node("root", None, 0),
        Node("late", "root", 5),
        Node("leaf", "early", 6),
        Node("early", "root", 4),
        Node("v", "late", 9),
    ) == ["root", "  late", "    v", "  early", "    leaf"]


def test_an_orphan_has_depth_one_and_is_marked() -> None:
    answer = tree_nodes([Node("root", None, 0), Node("lost", "gone", 1), Node("child", "lost", 2)])
    assert [(index.row, index.depth, index.orphan) for index in answer] == [(0, 1, False), (1, 1, True), (2, 2, False)]


def test_a_cycle_starts_at_its_earliest_row_and_keeps_its_children() -> None:
    nodes = [Node("hung", "two", 0), Node("one", "three", 1), Node("two", "one", 2), Node("three", "two", 3)]
    answer = tree_nodes(nodes)
    assert [(nodes[index.row].span_id, index.depth, index.cyclic) for index in answer] == [
        ("one", 1, True),
        ("two", 2, False),
        ("hung", 3, False),
        ("three", 3, False),
    ]


def test_a_row_that_is_its_own_parent_is_a_cycle_of_one_with_all_its_time() -> None:
    (only,) = tree_nodes([Node("self", "self", 0, 10)])
    assert (only.depth, only.cyclic, only.self_ns) == (1, True, 10)


def test_the_children_of_an_id_used_twice_belong_to_its_first_row() -> None:
    assert drawn(Node("twice", None, 0), Node("twice", None, 1), Node("child", "twice", 2)) == [
        "twice",
        "  child",
        "twice",
    ]


def test_a_chain_of_fifty_thousand_calls_needs_no_recursion() -> None:
    chain = [Node(str(step), str(step - 1) if step else None, step) for step in range(50_000)]
    assert tree_nodes(chain)[-1].depth == 50_000


def test_self_time_counts_overlapping_children_once_and_only_within_the_call() -> None:
    call = Node("call", None, 100, 100)
    kin = [
        Node("a", "call", 90, 30),
        Node("b", "call", 110, 20),
        Node("c", "call", 190, 50),
        Node("d", "call", 150, None),
    ]
    assert self_ns(call, kin) == 100 - 30 - 10


def test_a_child_that_outlives_its_parent_covers_it_and_no_more() -> None:
    assert self_ns(Node("call", None, 0, 10), [Node("child", "call", 0, 99)]) == 0


def test_a_call_without_duration_has_no_self_time() -> None:
    assert self_ns(Node("call", None, 0), [Node("child", "call", 0, 5)]) is None


@given(NODES)
def test_every_row_is_in_the_tree_exactly_once(nodes: list[Node]) -> None:
    assert sorted(index.row for index in tree_nodes(nodes)) == list(range(len(nodes)))


@given(NODES)
def test_self_time_is_the_time_of_the_call_in_which_no_child_runs(nodes: list[Node]) -> None:
    call = Node("call", None, 10, 25)
    taken = {m for node in nodes if node.duration_ns for m in range(node.start_ns, node.start_ns + node.duration_ns)}
    assert self_ns(call, nodes) == len(set(range(10, 35)) - taken)
