"""Reading a child's output line by line, and the limit on its silence."""

import os
from collections.abc import Iterator

import pytest

from obs_core.supervisor.output import Lines


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        try:
            os.close(descriptor)
        except OSError:
            continue


def test_lines_are_read_one_by_one_and_the_last_may_have_no_end(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"one\n\ntw\xff\nrest")
    os.close(pipe[1])
    lines = Lines(pipe[0])
    assert [lines.next(5) for _ in range(5)] == ["one\n", "\n", "tw�\n", "rest", None]
    assert not lines.is_silent


def test_silence_ends_the_reading(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"one\nunfinished")
    lines = Lines(pipe[0])
    assert [lines.next(1), lines.next(1)] == ["one\n", None]
    assert lines.is_silent
