"""Which functions stand first, and how their change is told."""

from pandas import DataFrame

from obs_core.ui.overview.slowest_functions import SHOWN, change, ordered


def changes() -> DataFrame:
    """Twenty functions; the slowest has no time, two changed by more than noise."""
    frame = DataFrame({"function": [f"f{number}" for number in range(20)]})
    frame["p95_ms"] = [float(number) for number in range(19)] + [float("nan")]
    frame["change"] = 1.1
    frame["notable"] = False
    frame.loc[3, ["change", "notable"]] = [2.0, True]
    frame.loc[5, ["change", "notable"]] = [0.25, True]
    return frame


def test_the_slowest_stand_first_and_what_was_not_timed_is_left_out() -> None:
    found = ordered(changes(), changed=False)
    assert len(found) == SHOWN
    assert found["function"].tolist()[:2] == ["f18", "f17"]


def test_the_most_changed_are_those_beyond_noise_whichever_way() -> None:
    assert ordered(changes(), changed=True)["function"].tolist() == ["f5", "f3"]


def test_a_change_has_a_word_only_beyond_noise() -> None:
    told = [change(row) for row in changes().to_dict("records")]
    assert told[0] == "+10 %"
    assert told[3] == "▲ +100 % slower"
    assert told[5] == "▼ -75 % faster"
    assert change({"change": float("nan"), "notable": False}) == ""
