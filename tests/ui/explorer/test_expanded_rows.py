"""Which rows are open, and the link: what one says, the other does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.errors import BadParameter
from obs_core.ui.explorer import expanded_rows

PATHS = st.lists(st.integers(1, 2**63 - 1).map(str), min_size=1, max_size=6).map("/".join)
OPENED = st.dictionaries(PATHS, st.integers(1, 3).map(lambda steps: steps * expanded_rows.STEP), max_size=15)


@given(rows=OPENED)
def test_a_link_restores_the_open_rows(rows: dict[str, int]) -> None:
    assert expanded_rows.from_text(expanded_rows.to_text(rows)) == rows


@given(rows=st.dictionaries(PATHS, st.integers(1, 60).map(lambda steps: steps * expanded_rows.STEP), max_size=90))
def test_a_link_stays_small_and_what_it_names_can_be_read(rows: dict[str, int]) -> None:
    linked = expanded_rows.from_text(expanded_rows.to_text(rows))
    assert len(linked) == min(len(rows), 50)
    assert all(shown <= rows[path] for path, shown in linked.items())
    assert sum(linked.values()) <= 100 * expanded_rows.STEP
    assert max((path.count("/") for path in linked), default=0) <= min(
        (path.count("/") for path in rows.keys() - linked.keys()), default=9
    )


def test_a_link_says_rows_by_their_ids_and_further_steps_behind_a_tilde() -> None:
    assert expanded_rows.to_text({"12/15": 600, "12": 200}) == "12_12.15~3"
    assert expanded_rows.from_text("") == expanded_rows.from_text(None) == {}


@pytest.mark.parametrize(
    "text", ["x", "1.", "_", "1__2", "1~0", "1~100", "1~", "1/2", "<b>", "1 2", "1~51_2", "\u0661"]
)
def test_what_is_no_list_of_open_rows_is_refused(text: str) -> None:
    with pytest.raises(BadParameter):
        expanded_rows.from_text(f"{text}_3~2")


def test_more_than_50_rows_are_refused() -> None:
    assert len(expanded_rows.from_text("_".join(map(str, range(50))))) == 50
    with pytest.raises(BadParameter, match="Too many expanded rows"):
        expanded_rows.from_text("_".join(map(str, range(51))))
