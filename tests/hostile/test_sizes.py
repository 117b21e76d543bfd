"""Cells of 50 MB: pages and questions show their beginning and their size, in bounded memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from obs_core.clock import SECOND
from obs_core.model import Row
from obs_core.query import export
from obs_core.query.engine import long_cells
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import facets, overview, traces
from tests.support import table

ROOT: Final = Path(__file__).parents[2]
MORE_MB: Final = 400  # that questions on long cells may take above those on short ones
ASK: Final = """
import os, sys, time
from pathlib import Path
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import catalog, traces

def peak(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))

values = {"id": "2", "trace_id": "t", "span_id": "s", "function": "web.load", "process": "web", "data": "load"}
with Engine(Path(sys.argv[1]), limit_s=60, mirror=sys.argv[2] == "mirror") as engine:
    for question in catalog.QUESTIONS.values():
        if sys.argv[2] == "log" and question.name not in ("values.trends", "values.streaks", "functions.performance"):
            continue
        needed = {name: values.get(name, "1") for name, p in question.parameters.items() if p.default is p.empty}
        question.answer(engine, export.ALWAYS, needed)
    for number in range(1, 9):
        traces.row(engine, export.ALWAYS, id=number)
    traces.page(engine, export.ALWAYS, sort="duration", attributes=("a",))
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    print(peak("self"), *map(peak, children))
"""


def rows(size: int) -> list[Row]:
    """A row for each column with a text of `size` characters."""
    text = "x" * size
    call = Row("call", "web", "load", table.START_NS, trace_id="t", function="web.load", process_group="g")
    odd: list[dict[str, Any]] = [
        {"kind": "value", "data_value": text, "parent_span_id": "s"},
        {"status": "ERROR", "exception": f"E: {text}", "parent_span_id": "s"},
        {"status": "ERROR", "exception": "E: y", "exception_stack": text},
        {"attributes": json.dumps({"attributes": {"a": text}})},
        {"data": text, "parent_span_id": "s"},
        {"process": text},
        {"function": text},
    ]
    return [
        call._replace(span_id="s"),
        *(call._replace(timestamp=call.timestamp + at * SECOND, **cells) for at, cells in enumerate(odd, 1)),
    ]


def peaks_mb(log: Path, way: str) -> list[float]:
    """The most memory of a process that asks every question, and of its workers."""
    asked = subprocess.run(
        [sys.executable, "-c", ASK, str(log), way], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [int(peak) / 1024 for peak in asked.stdout.split()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_every_question_on_cells_of_50_mb_takes_bounded_memory_in_every_process(tmp_path: Path) -> None:
    table.store(tmp_path / "short.db", rows(50))
    table.store(tmp_path / "long.db", rows(50_000_000))
    short = peaks_mb(tmp_path / "short.db", "mirror")
    assert len(short) > 1
    for way in ("mirror", "log"):
        long = peaks_mb(tmp_path / "long.db", way)
        assert long[0] - short[0] < MORE_MB
        assert max(long[1:]) - max(short[1:]) < MORE_MB


def test_a_long_cell_is_shown_by_its_beginning_and_its_size(tmp_path: Path) -> None:
    size = long_cells.LARGEST + 1
    table.store(tmp_path / "trace.db", rows(size))
    with Engine(tmp_path / "trace.db") as engine:
        value = traces.row(engine, export.ALWAYS, id=2)["data_value"].iloc[0]
        assert value == "x" * long_cells.PREFIX + "… [1,048,577 bytes in all]"
        [error, _] = overview.recent_errors(engine, export.ALWAYS)["exception"].sort_values()[::-1]
        assert error == "E: y"
        page = traces.page(engine, export.ALWAYS, row_filter=RowFilter(process="web"))
        assert len(page) == 7
        assert all(len(text) < size for text in page["Data"])
        counted = facets.facets(engine, export.ALWAYS).query("facet == 'process'")
        assert sorted(counted["rows"]) == [1, 7]
        whole = [row for piece in export.pieces(engine, export.ALWAYS) for row in piece]
    assert whole == rows(size)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (None, None),
        (b"", ""),
        (b"a\0b\xff", "a\0b\ufffd"),
        (b"y" * long_cells.LARGEST, "y" * long_cells.LARGEST),
        (
            b"\xc3\xa9" * long_cells.LARGEST,
            "é" * (long_cells.PREFIX // 2) + "… [2,097,152 bytes in all]",
        ),
        (
            b"z" + b"\xc3\xa9" * long_cells.LARGEST,
            "z" + "é" * (long_cells.PREFIX // 2 - 1) + "… [2,097,153 bytes in all]",
        ),
    ],
)
def test_cells_are_cut_between_characters(cell: bytes | None, shown: str | None) -> None:
    assert long_cells.cut(cell) == shown


def test_a_piece_of_an_export_is_bounded_by_its_bytes(tmp_path: Path) -> None:
    size = export.PIECE_BYTES // 2
    call = Row("call", "web", "load", table.START_NS, process_group="g")
    whole = [call._replace(timestamp=table.START_NS + at, data_value=f"{at}" + "x" * size) for at in range(4)]
    table.store(tmp_path / "trace.db", whole)
    with Engine(tmp_path / "trace.db") as engine:
        pieces = list(export.pieces(engine, export.ALWAYS))
    assert [row for piece in pieces for row in piece] == whole
    assert [len(piece) for piece in pieces] == [2, 2, 0]
