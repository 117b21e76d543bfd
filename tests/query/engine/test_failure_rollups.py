"""Exceptions by issue are the same from the archive's rollup of failed calls, from its rows, and from the log."""

import random
import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from pandas import DataFrame
from pandas.testing import assert_frame_equal

from obs_core.archive.manifest import Manifest, folder_of
from obs_core.archive.rollups import ALWAYS_WRITTEN
from obs_core.clock import DAY, HOUR, MINUTE, SECOND, Window
from obs_core.model import Row
from obs_core.query.engine import failure_rollups
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.worker_pool import Pool
from obs_core.query.questions import overview
from tests.support.archives import append, pieces, prune, seal_here, statement
from tests.support.table import START_NS

STACK = 'Traceback (most recent call last):\n  File "/app/{file}.py", line 3, in {name}\n    x\n'
LONG = "\n".join(f'  File "/app/deep.py", line {line}, in descend' for line in range(200))
TEXTS = ("it's\nbroken", "'; DROP TABLE x", "\0 after a NUL", "%_\\", "ü…" * 300, "")


class Expected(NamedTuple):
    """An exception as it was generated: its issue, the call that raised it, and the group of that call."""

    issue: tuple[str, str]
    row: Row


def failures(count: int, seed: int, *, step_ns: int) -> tuple[list[Row], list[Expected]]:
    """Exceptions that pass up to three calls; some traces cross a group, some have no stack or no text above."""
    chance, rows, expected = random.Random(seed), list[Row](), list[Expected]()  # noqa: S311
    for number in range(count):
        start_ns = START_NS + number * step_ns + chance.randrange(step_ns)
        kind, depth, trace = chance.choice(("KeyError", "app.Late")), chance.randrange(1, 5), f"t{seed}-{number}"
        text = f"{kind}: {number} {chance.choice(TEXTS)}"
        has_stack, is_long = number % 3 > 0, number % 7 == 0
        stack = STACK.format(file=f"f{number % 4}", name="load") + (LONG if is_long else "")
        location = ("deep.py in descend" if is_long else f"f{number % 4}.py in load") if has_stack else "leaf"
        for level in range(depth):
            is_leaf = level == depth - 1
            row = Row(
                "call", f"p{number % 2}", "ERR", start_ns + level * SECOND, status="ERROR",
                process_group="g0" if is_leaf or number % 5 else "g1", trace_id=trace, span_id=f"s{level}",
                parent_span_id=f"s{level - 1}" if level else None, function="leaf" if is_leaf else f"outer{level}",
                exception=text if is_leaf or number % 11 else None, exception_stack=stack if has_stack else None,
                duration_ns=9,
            )  # fmt: skip
            rows.append(row)
        title = "" if has_stack else text.partition("\n")[0].partition("\0")[0]
        expected.append(Expected((kind, location + ("" if has_stack else f"\n{title[:200]}")), rows[-1]))
    chance.shuffle(rows)
    rows.sort(key=lambda row: row.timestamp // (40 * MINUTE))  # parents before, after and far from their children
    return rows, expected


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Expected]]:
    """A log with 700 exceptions over four days, sealed in small batches, with 100 newer and late ones behind them."""
    rows, expected = failures(700, 1, step_ns=8 * MINUTE)
    path = append(tmp_path_factory.mktemp("failed") / "x.db", rows)
    assert seal_here(path, batch_rows=600) == {"sealed", "closed"}
    newer, more = failures(100, 2, step_ns=61 * MINUTE)
    append(path, [*newer, Row("call", "p0", "last", START_NS + 5 * DAY)])
    return path, expected + more


def windows(seed: int) -> list[tuple[Window, str | None]]:
    chance = random.Random(seed)  # noqa: S311
    ends = [sorted(START_NS + chance.randrange(-HOUR, 4 * DAY) for _ in range(2)) for _ in range(6)]
    some = [(Window(0, 2**63 - 1), None), *((Window(first, last), None) for first, last in ends)]
    return [*some, *((window, "g0") for window, _ in some[:3]), *((window, "g1") for window, _ in some[:3])]


def assert_same(answer: DataFrame, expected: DataFrame, message: str) -> None:
    assert_frame_equal(answer, expected, obj=message)
    assert answer.attrs["truncated"] == expected.attrs["truncated"]


def test_every_way_gives_the_same_issues(
    made: tuple[Path, list[Expected]], pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failure_rollups, "FEW_FAILURES", 1)
    path, _ = made
    ways = {"whole": path}
    for name in ("pruned", "older", "mixed"):
        ways[name] = tmp_path / name / "x.db"
        ways[name].parent.mkdir()
        statement(path, f"VACUUM INTO '{ways[name]}'")
        shutil.copytree(folder_of(path), folder_of(ways[name]))
    prune(ways["pruned"], 900)
    for name, days in (("older", range(10)), ("mixed", (1,))):  # as an earlier version sealed them
        with Manifest(folder_of(ways[name]), write=True) as manifest:
            for piece in manifest.pieces("r_fails"):
                if piece.day - START_NS // DAY in days:
                    manifest._connection.execute("DELETE FROM piece WHERE file = ?", (piece.file,))
    used = Counter[tuple[str, str]]()
    with Engine(path, pool=pool, archive=False) as log:
        for name, one in ways.items():
            with Engine(one, pool=pool) as engine:
                for window, group in windows(3):
                    expected = overview.exceptions(log, window, group=group, size=1_000)
                    answer = overview.exceptions(engine, window, group=group, size=1_000)
                    assert_same(answer, expected, f"{name} {window} {group}")
                    assert expected.attrs["way"] == "lookup"
                    used[name, answer.attrs["way"]] += 1
    assert used["whole", "rollup"] > 6
    assert used["pruned", "rollup"] > 6
    assert used["mixed", "rollup"]
    assert not used["older", "rollup"]


def test_every_issue_was_first_seen_when_it_was_first_raised(
    made: tuple[Path, list[Expected]], pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failure_rollups, "FEW_FAILURES", 1)
    path, expected = made
    with Engine(path, pool=pool) as engine, Engine(path, pool=pool, archive=False) as log:
        for window, group in windows(5)[1:]:
            issues = overview.exceptions(log, window, group=group, size=1_000)
            for issue, first_ns in list(zip(issues["issue"], issues["first_ns"], strict=True))[:12]:
                by_rows = overview.first_seen(log, window, group=group, issue=issue)
                answer = overview.first_seen(engine, window, group=group, issue=issue)
                assert_frame_equal(answer, by_rows, obj=f"{window} {group} {issue}")
                assert answer["first_ns"].tolist() == [first_ns]
        whole = Window(START_NS - HOUR, START_NS + 6 * DAY)
        first = {one.issue: one.row.timestamp for one in sorted(expected, key=lambda one: -one.row.timestamp)}
        for (kind, location), first_ns in [*first.items()][:20]:
            if "\n" not in location:
                answer = overview.first_seen(engine, whole, issue=f"{kind}\n{location}\n")
                assert (answer.attrs["way"], answer["first_ns"].tolist()) == ("rollup", [first_ns])
        nothing = overview.first_seen(engine, whole, issue="None\nsuch\nissue")
        assert (len(nothing), nothing.attrs["truncated"], nothing.attrs["way"]) == (0, False, "rollup")


def test_exceptions_are_counted_by_what_raised_them(
    made: tuple[Path, list[Expected]], pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failure_rollups, "FEW_FAILURES", 1)
    path, expected = made
    with Engine(path, pool=pool) as engine:
        for window in (Window(0, 2**63 - 1), Window(START_NS + 7 * HOUR + 1, START_NS + 3 * DAY)):
            answer = overview.exceptions(engine, window, size=1_000)
            assert answer.attrs["way"] == "rollup"
            mine = [one for one in expected if window.from_ns <= one.row.timestamp < window.to_ns]
            located = Counter((kind, place) for (kind, place), _ in mine if "\n" not in place)
            counted = answer[answer["location"] != "leaf"].set_index(["type", "location"])["calls"].to_dict()
            assert counted == located
            assert answer["calls"].sum() == len(mine)
            newest = {one.issue: one.row for one in sorted(mine, key=lambda one: one.row.timestamp)}
            for row in answer[answer["location"] != "leaf"].itertuples():
                one = newest[str(row.type), str(row.location)]
                assert (row.last_ns, row.trace_id, row.span_id) == (one.timestamp, one.trace_id, one.span_id)
            assert [sum(trend) for trend in answer["trend"]] == answer["calls"].tolist()
            assert all(len(trend) <= 30 for trend in answer["trend"])


def test_more_failed_calls_than_a_page_shows_are_all_counted(tmp_path: Path, pool: Pool) -> None:
    rows, expected = failures(11_000, 4, step_ns=20 * SECOND)
    assert len(rows) > 20_000
    path = append(tmp_path / "x.db", [*rows, Row("call", "p0", "last", START_NS + 5 * DAY)])
    always = Window(0, 2**63 - 1)
    with Engine(path, pool=pool) as engine:
        before = overview.exceptions(engine, always, size=1_000)
    seal_here(path, batch_rows=20_000)
    with Engine(path, pool=pool) as engine:
        after = overview.exceptions(engine, always, size=1_000)
    assert (before.attrs["way"], after.attrs["way"]) == ("lookup", "rollup")
    located = Counter(issue for issue, _ in expected if "\n" not in issue[1])
    for answer in (before, after):
        counts = answer[answer["location"] != "leaf"].set_index(["type", "location"])["calls"].to_dict()
        assert counts == located
    assert_same(after, before, "rollup")


@pytest.mark.parametrize("what", ALWAYS_WRITTEN)
def test_days_that_an_earlier_version_sealed_get_the_rollup(
    made: tuple[Path, list[Expected]], tmp_path: Path, what: str
) -> None:
    path = tmp_path / "x.db"
    statement(made[0], f"VACUUM INTO '{path}'")
    seal_here(path, batch_rows=1_000)
    before = sorted(map(str, pieces(path, what)))
    with Manifest(folder_of(path), write=True) as manifest:
        manifest._connection.execute("DELETE FROM piece WHERE what = ?", (what,))
    assert seal_here(path, batch_rows=1_000) == {"upgraded"}
    assert sorted(map(str, pieces(path, what))) == before
    assert seal_here(path, batch_rows=1_000) == set()
