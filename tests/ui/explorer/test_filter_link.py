"""One filter, four ways to enter it: a link, an export's link, the command line, a question's parameters."""

import argparse
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.cli import export as export_command
from obs_core.clock import Window
from obs_core.query.filters.row_filter import FIELDS, FilterField, RowFilter
from obs_core.query.filters.where import WhereClause, where_clause
from obs_core.query.questions import catalog
from obs_core.ui.explorer.filter_link import from_link, to_link

WINDOW = Window(1, 2)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
CONDITIONS = ("n > 1", "user exists", 'http.status_code >= 500 and method in GET, POST and "a b" contains x')


def values_of(part: FilterField) -> st.SearchStrategy[Any]:
    """Valid values of one field."""
    if part.type is bool:
        return st.booleans()
    if part.type is float:
        return st.none() | st.floats(0, 1e12)
    if part.name == "where":
        return st.none() | st.sampled_from(CONDITIONS)
    return st.none() | (st.sampled_from(part.choices) if part.choices else TEXTS)


FILTERS = st.fixed_dictionaries({name: values_of(part) for name, part in FIELDS.items()}).map(
    lambda values: RowFilter(**values)
)


def by_command_line(row_filter: RowFilter) -> RowFilter:
    """The filter of the options of `export`."""
    parser = argparse.ArgumentParser()
    export_command.add_arguments(parser)
    values = {part.option: getattr(row_filter, name) for name, part in FIELDS.items()}
    options = [option if value is True else f"{option}={value}" for option, value in values.items() if value]
    zero = [f"{option}=0" for option, value in values.items() if value == 0 and value is not False]
    return export_command.row_filter_of(parser.parse_args(["--format", "csv", *options, *zero]))


def by_question(row_filter: RowFilter) -> RowFilter:
    """The filter of `ask traces.page --param …`."""
    values = {name: getattr(row_filter, name) for name in FIELDS}
    parameters = {name: str(value) for name, value in values.items() if value is not None}
    answer: RowFilter = catalog.question("traces.page").arguments(parameters)["row_filter"]
    return answer


@given(FILTERS.filter(lambda row_filter: not row_filter.errors))
def test_a_link_holds_the_whole_filter(row_filter: RowFilter) -> None:
    link = to_link(row_filter)
    assert from_link(link) == row_filter
    assert to_link(from_link(link)) == link


@given(FILTERS)
def test_the_command_line_and_a_question_take_the_same_filter(row_filter: RowFilter) -> None:
    assert by_command_line(row_filter) == by_question(row_filter) == row_filter


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_gives_the_same_sql_however_it_is_entered(name: str) -> None:
    part = FIELDS[name]
    value: Any = True if part.type is bool else 1.5 if part.type is float else (*part.choices, "n > 1")[0]
    row_filter = RowFilter(**{name: value})
    expected = where_clause(WINDOW, row_filter)
    ways: list[RowFilter] = [by_command_line(row_filter), by_question(row_filter)]
    if part.url_key:
        ways.append(from_link({part.url_key: str(value).lower() if value is True else str(value)}))
    assert [where_clause(WINDOW, way) for way in ways] == [expected] * len(ways)
    assert expected != where_clause(WINDOW, RowFilter())
    assert isinstance(expected, WhereClause)


def test_a_field_says_how_it_is_entered_and_has_help() -> None:
    assert [part.name for part in fields(RowFilter)] == list(FIELDS)
    for name, part in FIELDS.items():
        assert part.option == f"--{name.replace('_', '-')}"
        assert all((part.help, part.label, part.chip))
