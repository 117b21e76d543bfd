"""The list of functions: what fits, the best first, never more than the browser should carry."""

import pandas as pd
from pandas import DataFrame

from obs_core.ui.function_finder import BEST, ORDERS, best


def functions(count: int) -> DataFrame:
    numbers = pd.Series(range(count))
    return DataFrame({
        "function": [f"shop.Cart_{number}.add" for number in numbers],
        "process_group": "shop", "calls": numbers, "errors": 0, "error_rate": 0.0, "mean_ms": 1.0,
        "p95_ms": (numbers * 7) % 11, "max_ms": 1.0, "self_ms": -numbers,
    })  # fmt: skip


def test_at_most_fifty_of_many_are_listed_the_highest_first() -> None:
    table = best(functions(5_000), "", "calls")
    assert len(table) == BEST
    assert list(table["calls"][:3]) == [4_999, 4_998, 4_997]


def test_any_part_of_the_name_finds_it_whatever_its_case() -> None:
    assert list(best(functions(100), "  CART_77.", "calls")["function"]) == ["shop.Cart_77.add"]
    assert best(functions(100), "cart_7*", "calls").empty


def test_every_order_is_a_column_of_the_answer() -> None:
    for column in ORDERS.values():
        found = best(functions(9), "", column)
        assert list(found[column]) == sorted(functions(9)[column], reverse=True)


def test_no_function_is_an_empty_list() -> None:
    assert best(functions(3).head(0).astype({"function": object}), "x", "calls").empty
