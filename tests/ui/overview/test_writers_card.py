"""The table of writers."""

from pandas import DataFrame

from obs_core.clock import SECOND
from obs_core.ui.kit import formatting
from obs_core.ui.overview.writers_card import shown

NOW = 1_767_225_600 * SECOND
HEALTHY = {"process": "feed", "pid": 1, "state": "OK", "queue": 0, "capacity": 5_000, "written": 12_345, "dropped": 0}
HEALTHY |= {"recovered": 0, "last_flush_ns": NOW - SECOND, "oldest_ns": None, "last_error": ""}


def writers(*changes: dict[str, object]) -> DataFrame:
    """The answer of `writers.status`: one writer for each of the changes to a healthy one."""
    status = DataFrame([HEALTHY | change for change in changes])
    return status.astype({"last_flush_ns": "Int64", "oldest_ns": "Int64"})


def test_the_worst_writer_is_first() -> None:
    states: list[dict[str, object]] = [{"state": state} for state in ("OK", "GONE", "DELAYED", "CIRCUIT_OPEN")]
    assert shown(writers(*states), NOW)["State"].tolist() == ["✕ GONE", "■ CIRCUIT_OPEN", "▲ DELAYED", "● OK"]


def test_a_writer_is_listed_with_all_its_counters() -> None:
    late: dict[str, object] = {"queue": 1_200, "dropped": 3, "recovered": 4, "oldest_ns": NOW - 90 * SECOND}
    [row] = shown(writers(late | {"last_error": "disk\nfull", "last_flush_ns": None}), NOW).to_dict("records")
    assert row == {
        "State": "● OK",
        "Process": "feed",
        "PID": "1",
        "Queue": "1,200 of 5,000",
        "Written": 12_345,
        "Dropped": 3,
        "Recovered": 4,
        "Lag": "1.50 min",
        "Last flush": formatting.NOT_MEASURED,
        "Last error": "disk ↵ full",
    }


def test_a_writer_with_an_empty_queue_has_no_lag() -> None:
    assert shown(writers({}), NOW)["Lag"].tolist() == ["0 ms"]
