"""The table's rows: children under their calls, each expanded on its own, and cycles that end."""

from typing import Any

from pandas import DataFrame

from obs_core.model import CANONICAL, ROW_CAP
from obs_core.ui.explorer import expanded_rows, row_tree

CALLS = {  # span: the spans it called
    "a": ["b", "c"],
    "b": ["d"],
    "c": [],
    "d": [],
    "round": ["trip"],
    "trip": ["round"],
    "wide": [f"child{number}" for number in range(450)],
}
ATTRIBUTES = {3: ["user", "code"], 5: ["user"], 7: [f"key{number}" for number in range(250)]}  # by the row's number
NUMBERS = {span: number for number, span in enumerate([*CALLS, *CALLS["wide"]], 1)}


def row(span: str, **more: object) -> dict[str, Any]:
    cells: dict[str, Any] = dict.fromkeys(CANONICAL)
    kids = bool(CALLS.get(span))
    return cells | {"id": NUMBERS[span], "Data": span, "kind": "call", "trace_id": "t", "span_id": span} | {
        "has_children": kids, "has_attributes": False, "duration_ms": 1.5, "Timestamp": 0, "Status": "OK",
    } | more  # fmt: skip


def page(*spans: str) -> DataFrame:
    return DataFrame([row(span) for span in spans])


def children(trace: str, span: str, count: int) -> DataFrame:
    assert trace == "t"
    return page(*CALLS[span][:count])


def attributes(row: int, count: int) -> DataFrame:
    held = ATTRIBUTES[row][:count]
    return DataFrame([(name, "string", f"{name} of {row}") for name in held], columns=["name", "type", "value"])


def shown(frame: DataFrame) -> list[tuple[int, str]]:
    return list(zip(frame["depth"], frame["Data"], strict=True))


def test_a_closed_page_is_the_page() -> None:
    rows = row_tree.visible(page("a", "b"), {}, children, attributes, selected=None)
    assert shown(rows) == [(0, "a"), (0, "b")]
    assert list(rows["kids"]) == [True, True]
    assert not any(rows["open"])


def test_children_stand_under_their_call() -> None:
    rows = row_tree.visible(page("a", "c"), {"1": 200, "1/2": 200}, children, attributes, selected=None)
    assert shown(rows) == [(0, "a"), (1, "b"), (2, "d"), (1, "c"), (0, "c")]
    assert list(rows["open"]) == [True, True, False, False, False]


def test_a_copy_of_a_call_is_expanded_on_its_own() -> None:
    rows = row_tree.visible(page("a", "b"), {"1": 200, "2": 200}, children, attributes, selected="1/2")
    assert shown(rows) == [(0, "a"), (1, "b"), (1, "c"), (0, "b"), (1, "d")]
    assert list(rows[rows["selected"]]["path"]) == ["1/2"]
    assert len(set(rows["path"])) == len(rows)


def test_a_cycle_of_calls_ends_with_a_note() -> None:
    opened = {"5": 200, "5/6": 200, "5/6/5": 200}
    rows = row_tree.visible(page("round"), opened, children, attributes, selected=None)
    assert shown(rows) == [(0, "round"), (1, "trip"), (2, "round")]
    assert not rows["kids"].iloc[-1]
    assert "Cycle" in rows["Exception"].iloc[-1]


def test_many_children_are_shown_step_by_step() -> None:
    rows = row_tree.visible(page("wide"), {"7": 200}, children, attributes, selected=None)
    assert len(rows) == 1 + 200 + 1
    assert rows["kind"].iloc[-1] == "more"
    rows = row_tree.visible(page("wide"), {"7": 600}, children, attributes, selected=None)
    assert len(rows) == 1 + 450
    assert "more" not in set(rows["kind"])


def test_attributes_stand_under_their_row_before_its_calls() -> None:
    owner = row("a", has_attributes=True, id=3)
    rows = row_tree.visible(
        DataFrame([owner]), {"3": 200}, children, attributes, selected=None, pinned=("Kind", "Span")
    )
    assert shown(rows) == [(0, "a"), (1, "user"), (1, "code"), (1, "b"), (1, "c")]
    attribute_rows = rows[rows["kind"] == "attribute"]
    assert attribute_rows[list(CANONICAL)].to_numpy().tolist() == [
        ["attribute", "user", "string", "user of 3", "", "", ""],
        ["attribute", "code", "string", "code of 3", "", "", ""],
    ]
    assert attribute_rows[
        ["trace", "span", "Duration", "kids", "pinned_0", "pinned_1"]
    ].drop_duplicates().to_numpy().tolist() == [["t", "a", "", False, "attribute", ""]]
    assert {row_tree.owner(path, "attribute") for path in attribute_rows["path"]} == {"3"}
    assert len(set(rows["path"])) == len(rows)


def test_a_row_with_attributes_alone_can_be_opened() -> None:
    value = row("c", span_id=None, trace_id=None, kind="value", has_attributes=True)
    rows = row_tree.visible(DataFrame([value]), {"3": 200}, children, attributes, selected="3")
    assert shown(rows) == [(0, "c"), (1, "user"), (1, "code")]
    assert rows["kids"].tolist() == [True, False, False]
    assert rows["selected"].tolist() == [True, False, False]


def test_attributes_and_children_are_counted_together() -> None:
    wide = DataFrame([row("wide", has_attributes=True)])
    for limit, kinds in ((200, {"attribute": 200}), (250, {"attribute": 250}), (400, {"attribute": 250, "call": 150})):
        rows = row_tree.visible(wide, {"7": limit}, children, attributes, selected=None)[1:]
        assert rows["kind"].value_counts().to_dict() == kinds | {"more": 1}
        assert rows["kind"].iloc[-1] == "more"
    rows = row_tree.visible(wide, {"7": 700}, children, attributes, selected=None)[1:]
    assert rows["kind"].value_counts().to_dict() == {"attribute": 250, "call": 450}


def test_a_call_in_a_cycle_still_shows_its_attributes() -> None:
    again = page("round").assign(has_attributes=True)
    rows = row_tree.visible(again, {"5": 200, "5/6": 200, "5/6/5": 200}, round_trip, attributes, selected=None)
    assert shown(rows) == [(0, "round"), (1, "user"), (1, "trip"), (2, "round"), (3, "user")]


def round_trip(trace: str, span: str, count: int) -> DataFrame:
    below = children(trace, span, count)
    return below.assign(has_attributes=below["Data"] == "round")


def test_what_is_not_known_is_an_empty_cell() -> None:
    rows = row_tree.visible(
        DataFrame([row("c", span_id=None, trace_id=float("nan"))]), {}, children, attributes, selected=None
    )
    assert [rows[name].iloc[0] for name in ("trace", "span", "Data Value", "Exception")] == ["", "", "", ""]


def test_a_page_without_rows_has_all_its_columns() -> None:
    rows = row_tree.visible(page("c").head(0), {}, children, attributes, selected=None)
    assert rows.empty
    assert [*CANONICAL, "Duration", "Spans", "Errors", "Services"] == [name for name in rows if str(name)[0].isupper()]


def test_a_call_shows_no_more_children_than_a_page_may_have_and_says_where_the_rest_is() -> None:
    asked: list[int] = []

    def endless(trace: str, span: str, count: int) -> DataFrame:
        assert (trace, span) == ("t", "wide")
        asked.append(count)
        return DataFrame([row("c", id=1_000 + number) for number in range(count)])

    rows = row_tree.visible(
        page("wide"), {"7": expanded_rows.MOST + 5 * expanded_rows.STEP}, endless, attributes, selected=None
    )
    assert asked == [expanded_rows.MOST + 1]
    assert max(asked) <= ROW_CAP
    assert rows["Process"].iloc[-1] == "More rows than the table shows: see the trace"


def test_pinned_columns_are_cells_of_their_own() -> None:
    cells = row("c", process_group="shop", memory_delta=2_048, **{"attributes.code": "500"})
    rows = row_tree.visible(
        DataFrame([cells]), {}, children, attributes, selected=None, pinned=("Group", "Memory", "code", "none")
    )
    assert rows.iloc[0][["pinned_0", "pinned_1", "pinned_2", "pinned_3"]].tolist() == ["shop", "2.05 kB", "500", ""]
