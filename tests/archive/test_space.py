"""How large log and archive are, how large they may be, and when they will be."""

import itertools
import shutil
from pathlib import Path

import pytest

from obs_core.archive import space
from obs_core.archive.manifest import folder_of
from obs_core.archive.space import Sample, Space, with_sample
from obs_core.clock import DAY, HOUR, MINUTE, now_ns
from tests.support.archives import append, mixed, seal

GB = 10**9


@pytest.mark.parametrize(
    ("samples", "max_bytes", "free_bytes", "text"),
    [
        ([(0, 1), (DAY, 2)], 11, 90, "full in 9 days at this rate"),
        ([(0, 1), (6 * HOUR, 2)], 3, 90, "full in 6 hours at this rate"),
        ([(0, 1), (DAY, 2)], 3, 90, "full in 1 day at this rate"),
        ([(0, 0), (HOUR, 2)], 3, 90, "full in less than an hour at this rate"),
        ([(0, 1), (DAY, 2)], 11, 3, "full in 3 days at this rate"),  # the disk is full earlier
        ([(0, 1), (DAY, 2)], None, 5, "full in 5 days at this rate"),
        ([(0, 1), (HOUR - 1, 2)], 11, 90, ""),  # too little is known
        ([(0, 2), (DAY, 2)], 11, 90, ""),  # it does not grow
        ([(0, 2), (DAY, 1)], 11, 90, ""),
        ([(0, 8), (HOUR, 11), (2 * HOUR, 10), (DAY, 11)], 11, 90, ""),  # retention keeps it small
        ([(0, 1), (DAY, 2)], 900, 900, ""),  # in years
        ([(0, 1)], 11, 90, ""),
    ],
)
def test_the_forecast_is_the_rest_at_the_rate_of_the_last_day(
    samples: list[tuple[int, int]], max_bytes: int | None, free_bytes: int, text: str
) -> None:
    taken = [Sample(time_ns, size * GB // 2, size * GB // 2) for time_ns, size in samples]
    largest = None if max_bytes is None else max_bytes * GB
    assert Space(taken, largest, is_default=False, free_bytes=free_bytes * GB).full_text == text


def test_samples_of_a_day_are_kept_some_minutes_apart_and_none_from_the_future() -> None:
    taken: list[Sample] = []
    for minute in range(2 * 24 * 60):
        taken = with_sample(taken, Sample(minute * MINUTE, minute, 0))
    times = [sample.time_ns // MINUTE for sample in taken]
    assert times[-1] == 2 * 24 * 60 - 1
    assert times[0] - (times[-1] - 24 * 60) in range(11)
    assert {later - one for one, later in itertools.pairwise(times)} <= set(range(1, 12))
    assert len(taken) < 24 * 60 / 10 + 3
    assert with_sample(taken, Sample(0, 0, 0)) == [Sample(0, 0, 0)]  # the clock was set back


def test_without_a_setting_most_of_the_disk_may_be_used_and_never_less_than_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = append(tmp_path / "x.db", mixed(300))
    seal(path)
    files = [path, path.with_name("x.db-wal"), *folder_of(path).rglob("*")]
    used = sum(file.stat().st_size for file in files if file.is_file())
    for free, most in ((used, 1.6 * used), (0, used), (used // 100, used)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: shutil._ntuple_diskusage(0, 0, free))
        assert abs(space.default_max_bytes(path) - most) <= 1
    assert space.default_max_bytes(tmp_path / "none" / "x.db") == round(0.8 * (used // 100))


def test_a_sample_has_the_bytes_of_log_and_archive(tmp_path: Path) -> None:
    path = append(tmp_path / "x.db", mixed(2_000))
    is_settled, before = space.measure(path, 7)
    assert (is_settled, before.time_ns, before.archive_bytes) == (True, 7, 0)
    seal(path)
    is_settled, sample = space.measure(path, 7)
    assert (is_settled, sample.log_bytes) == (True, before.log_bytes)
    assert sample.archive_bytes == sum(file.stat().st_size for file in folder_of(path).glob("*/*.parquet"))


def test_an_odd_file_is_no_space(tmp_path: Path) -> None:
    (tmp_path / "x.db.d").mkdir()
    for content in ("", "[]", "{}", '{"pid": "x", "birth": 1, "max_bytes": 1, "is_default": 1, "samples": [1]}'):
        (tmp_path / "x.db.d" / space.NAME).write_text(content)
        assert space.read(tmp_path / "x.db") is None
        space.Recorder(tmp_path / "x.db", None, is_default=True).after_tick(tmp_path / "x.db", now_ns())
