"""Text of traced programs: shown on one line, nothing hidden, nothing reversed."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.ui.kit.text import plain


@pytest.mark.parametrize("unknown", [None, float("nan"), pd.NA, pd.NaT])
def test_an_unknown_value_is_an_empty_text(unknown: object) -> None:
    assert plain(unknown, 10) == ""


def test_a_long_text_is_truncated_visibly() -> None:
    assert plain("x" * 25_000, 300) == "x" * 300 + "…"
    assert plain("x" * 300, 300) == "x" * 300


def test_a_text_can_not_look_like_another_one() -> None:
    assert plain("user\u202efdp.exe", 99) == "user<U+202E>fdp.exe"
    assert plain("a\0b", 99) == "a\N{REPLACEMENT CHARACTER}b"


def test_several_lines_become_one() -> None:
    assert plain("first\r\nsecond", 99) == "first \N{DOWNWARDS ARROW WITH CORNER LEFTWARDS} second"


@given(st.text(max_size=50))
def test_no_control_character_is_left(text: str) -> None:
    assert all(character.isprintable() or not character.isascii() for character in plain(text, 99))
