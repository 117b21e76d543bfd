"""The order of the functions, and how their change is shown."""

from pandas import DataFrame

from obs_core.ui.overview.slowest_functions import SHOWN, change, ordered


def changes() -> DataFrame:
    """Twenty functions; one has no timed calls, two changed significantly."""
    frame = DataFrame({"function": [f"f{number}" for number in range(20)]})
    frame["p95_ms"] = [float(number) for number in range(19)] + [float("nan")]
    frame["change"] = 1.1
    frame["notable"] = False
    frame.loc[3, ["change", "notable"]] = [2.0, True]
    frame.loc[5, ["change", "notable"]] = [0.25, True]
    return frame


def test_the_slowest_come_first_and_untimed_ones_are_omitted() -> None:
    listed = ordered(changes(), changed=False)
    assert len(listed) == SHOWN
    assert listed["function"].tolist()[:2] == ["f18", "f17"]


def test_the_most_changed_are_the_significant_ones_in_both_directions() -> None:
    assert ordered(changes(), changed=True)["function"].tolist() == ["f5", "f3"]


def test_only_a_significant_change_has_a_mark() -> None:
    texts = [change(row) for row in changes().to_dict("records")]
    assert texts[0] == "+10 %"
    assert texts[3] == "▲ +100 % slower"
    assert texts[5] == "▼ -75 % faster"
    assert change({"change": float("nan"), "notable": False}) == ""
