"""Beats of a child process: few, and never waiting for a parent that does not read."""

import os

import pytest

from obs_core import heartbeat


def test_without_a_parent_nothing_is_sent(capfd: pytest.CaptureFixture[str]) -> None:
    heartbeat.beat()
    assert capfd.readouterr().out == ""


def test_beats_are_lines_at_an_interval_and_never_block(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(heartbeat, "_descriptor", writing)
    monkeypatch.setattr(heartbeat, "_next_s", 0.0)
    heartbeat.beat()
    heartbeat.beat()
    assert os.read(reading, 1_000).decode() == heartbeat.LINE
    assert heartbeat.is_beat(heartbeat.LINE)
    monkeypatch.setattr(heartbeat, "INTERVAL_S", 0.0)
    for _ in range(20_000):  # 220 kB, and the pipe holds 64
        monkeypatch.setattr(heartbeat, "_next_s", 0.0)
        heartbeat.beat()
    os.close(reading)
    heartbeat._next_s = 0.0
    heartbeat.beat()  # the parent has ended
    os.close(writing)
