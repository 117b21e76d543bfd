"""The list of functions: matching ones, best first, never more than the browser should get."""

import pandas as pd
from pandas import DataFrame

from obs_core.ui.inspector.function_finder import BEST, ORDERS, best


def functions(count: int) -> DataFrame:
    numbers = pd.Series(range(count))
    return DataFrame({
        "function": [f"shop.Cart_{number}.add" for number in numbers],
        "process_group": "shop", "calls": numbers, "errors": 0,
        "p95_ms": (numbers * 7) % 11, "total_ms": -numbers, "changed": numbers,
    })  # fmt: skip


def test_at_most_fifty_of_many_are_listed_the_highest_first() -> None:
    table, matches = best(functions(5_000), "", "calls")
    assert (len(table), matches) == (BEST, 5_000)
    assert list(table["calls"][:3]) == [4_999, 4_998, 4_997]


def test_any_part_of_the_name_finds_it_whatever_its_case() -> None:
    assert list(best(functions(100), "  CART_77.", "calls")[0]["function"]) == ["shop.Cart_77.add"]
    assert best(functions(100), "cart_7*", "calls")[0].empty


def test_every_order_is_a_column_of_the_answer() -> None:
    for column in ORDERS.values():
        table, _ = best(functions(9), "", column)
        assert list(table[column]) == sorted(functions(9)[column], reverse=True)


def test_no_function_is_an_empty_list() -> None:
    assert best(functions(3).head(0).astype({"function": object}), "x", "calls")[0].empty
