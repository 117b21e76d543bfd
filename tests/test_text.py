"""JSON of plain data, compared with the standard library's."""

import json
import math
import random
from typing import Any

import pytest

from obs_core.text import json_text


def value(draw: random.Random, level: int = 0) -> Any:  # noqa: ANN401 - any plain data
    """Random plain data, also with what JSON has not: objects, keys that are no texts, lone surrogates."""
    kind = draw.randrange(9 if level < 4 else 6)
    if kind < 6:
        text = "".join(chr(draw.choice((draw.randrange(128), draw.randrange(0x3000), 0xD800, 0x1F600))) for _ in "abc")
        return (None, draw.random() < 0.5, draw.randrange(-(2**70), 2**70), draw.uniform(-1e300, 1), text, b"x")[kind]
    parts = [value(draw, level + 1) for _ in range(3)]
    return (parts, tuple(parts), {draw.choice(("a", 1, 1.5, None, True, "é")): part for part in parts})[kind - 6]


@pytest.mark.parametrize("seed", range(20))
def test_plain_data_is_written_as_json_writes_it(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - a test
    for _ in range(100):
        data = value(draw)
        assert json_text(data) == json.dumps(data, ensure_ascii=False, default=str)


def test_numbers_that_json_has_not_are_their_names_and_the_next_text_is_right() -> None:
    shared = [1]
    assert json_text({"a": [math.nan, shared], "b": -math.inf}) == '{"a": ["NaN", [1]], "b": "-Infinity"}'
    assert json_text([shared, shared]) == "[[1], [1]]"
