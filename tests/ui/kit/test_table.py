"""Numbers in tables."""

from pandas import Series

from obs_core.ui.kit.table import rounded


def test_numbers_keep_three_significant_digits() -> None:
    numbers = Series([48_510.4, -2.794, 0.0, 0.00012345, float("nan")])
    assert rounded(numbers).tolist()[:4] == [48_500.0, -2.79, 0.0, 0.000123]
    assert rounded(numbers).isna().tolist() == [False, False, False, False, True]
