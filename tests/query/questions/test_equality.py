"""The same streaks by every way of asking: only of equal values, and never of values that can't be compared."""

from contextlib import closing
from pathlib import Path

import pytest

from obs_core.clock import SECOND, Window
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.worker_pool import Pool
from obs_core.query.questions import values
from obs_core.series import snapshot, tracker
from obs_core.series.tracker import Ended, Series, Variant
from obs_core.store import sqlite, tail
from obs_core.store.foreign import NATIVE
from tests.support import table
from tests.support.values import COMPARABLE, INCOMPARABLE, row_of

START = table.START_NS
ALWAYS = Window(0, 2**63 - 1)
HALF = Window(START, START + 3 * SECOND)  # a small part of the log is read through its index
EXPECTED = {kind: [3, 3] for kind in COMPARABLE}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each kind as a series: a value three times, built again each time, and another one three times."""
    path = tmp_path_factory.mktemp("kinds") / "trace.db"
    rows = []
    for kind, (one, other) in {**COMPARABLE, **INCOMPARABLE}.items():
        for number, build in enumerate((one, one, one, other, other, other)):
            rows.append(row_of(build(), kind, START + number * SECOND))
    table.store(path, rows)
    return path


@pytest.mark.parametrize("mirror", [False, True])
def test_questions_find_streaks_of_equal_values_only(recorded: Path, pool: Pool, mirror: bool) -> None:  # noqa: FBT001
    with Engine(recorded, pool=pool, mirror=mirror) as engine:
        for missing in ("value", "skip"):
            answer = values.streaks(engine, ALWAYS, threshold=2, missing=missing)
            assert answer.groupby("data")["length"].agg(list).to_dict() == EXPECTED
            assert (answer.attrs["way"] == "mirror") == mirror
        first = values.streaks(engine, HALF, threshold=2)
        assert set(first["data"]) == set(COMPARABLE)
        near = values.streaks(engine, ALWAYS, threshold=1, tolerance=1e9, missing="break")
        assert not set(near["data"]) & set(INCOMPARABLE)


def test_the_tracker_finds_streaks_of_equal_values_only_across_restarts(recorded: Path, tmp_path: Path) -> None:
    plain, near = Variant(), Variant(1e9)
    ended: list[Ended] = []
    with closing(sqlite.connect(recorded)) as log, closing(snapshot.open_series(tmp_path / "copy.db")) as saved:
        for row in tail.stream(log, NATIVE, 0, 10**9):
            known = snapshot.load(saved).series.get(("p", row.data)) or Series("p", row.data)
            tracker.observe(known, row, [plain, near], ended)
            snapshot.save(saved, row.id, (), [known])
        series = snapshot.load(saved).series
    lengths: dict[str, list[int]] = {}
    for end in ended:
        if end.variant == plain and end.run is not None:
            lengths.setdefault(end.data, []).append(end.run.length)
    for (_, data), one in series.items():
        lengths.setdefault(data, []).append(one.streaks[plain].length)
        assert data in COMPARABLE or one.streaks[near].length == 1
    assert lengths == EXPECTED | {kind: [1] * 6 for kind in INCOMPARABLE}
