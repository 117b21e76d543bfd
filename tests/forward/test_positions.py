"""The file of positions: what is read back, and what a damaged one means."""

from pathlib import Path

import pytest

from obs_core.forward import positions
from obs_core.forward.positions import Position, Positions


def test_positions_are_stored_by_endpoint_and_signal(tmp_path: Path) -> None:
    log = tmp_path / "x.db"
    one, other = Position(5, 7, sent=5, refusal="“😀”"), Position(9)
    Positions(log, "http://a").record("traces", one)
    Positions(log, "http://b").record("traces", other)
    Positions(log, "http://a").record("logs", other)
    read = Positions(log, "http://a")
    assert (read.of("traces"), read.of("logs")) == (one, other)
    assert (Positions(log, "http://b").of("traces"), Positions(log, "http://b").of("logs")) == (other, None)


def test_endpoints_that_were_not_used_for_long_are_forgotten(tmp_path: Path) -> None:
    log = tmp_path / "x.db"
    for number in range(30):
        Positions(log, f"http://{number}").record("traces", Position(number))
    known = [number for number in range(30) if Positions(log, f"http://{number}").of("traces")]
    assert known == list(range(10, 30))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"endpoints": 5}', '{"endpoints": {"http://a": {"traces": {"up_to_id": "x"}}}}',
             '{"endpoints": {"http://a": {"traces": {"unknown": 5}}}}'],
)  # fmt: skip
def test_a_damaged_file_has_no_positions(tmp_path: Path, text: str) -> None:
    log = tmp_path / "x.db"
    path = positions.path_of(log)
    path.parent.mkdir()
    path.write_text(text)
    assert Positions(log, "http://a").of("traces") is None
