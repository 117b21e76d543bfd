"""The diff of two versions: its lines are those of difflib, its numbers those of the files, nothing in it is live."""

import difflib
import re

from hypothesis import given
from hypothesis import strategies as st

from obs_core.source_code import diff, highlight

OLD = "def load(path):\n    text = open(path)\n    return text\n"
NEW = "def load(path):\n    text = open(path).read()\n    check(text)\n    return text\n"


def lines(html: str) -> list[tuple[str, str, str]]:
    """Each line's two numbers and its sign."""
    row = r'<span class="no">(\d*)</span><span class="no">(\d*)</span><span class="sign"[^>]*>(.?)</span>'
    return [(old, new, sign.replace("\N{MINUS SIGN}", "-")) for old, new, sign in re.findall(row, html)]


def test_lines_carry_the_numbers_of_both_files_and_a_sign() -> None:
    result = diff.diff(OLD, NEW, older_line=10, newer_line=20)
    assert lines(result.html) == [
        ("10", "20", ""), ("11", "", "-"), ("", "21", "+"), ("", "22", "+"), ("12", "23", ""),
    ]  # fmt: skip
    assert (result.added, result.removed) == (2, 1)


def test_far_apart_changes_have_a_gap_between_them() -> None:
    many = [f"line {number}" for number in range(60)]
    changed = ["first", *many[1:-1], "last"]
    result = diff.diff("\n".join(many), "\n".join(changed))
    assert result.html.count('class="skip"') == 1
    assert len(lines(result.html)) == 2 * (2 + diff.CONTEXT)


def test_a_hostile_source_is_text() -> None:
    result = diff.diff(OLD, OLD + "</pre><script>alert(1)</script>\f\t" + "x" * 1_000_000)
    assert "<script" not in result.html
    assert len(result.html) < 20_000


def test_a_long_diff_is_cut_and_says_so() -> None:
    result = diff.diff("", "\n".join(map(str, range(1_000))))
    assert len(lines(result.html)) == highlight.PART_LINES
    assert result.left_out > 700


_SOURCES = st.lists(st.sampled_from(["a", "b", "if x:", '"""', "", "\f"]), min_size=1, max_size=12).map("\n".join)


@given(_SOURCES, _SOURCES)
def test_counts_are_difflibs(older: str, newer: str) -> None:
    result = diff.diff(older, newer)
    before, after = highlight.lines_of(older), highlight.lines_of(newer)
    expected = [line[0] for line in difflib.ndiff(before, after) if line[0] in "+-"]
    signs = [sign for _, _, sign in lines(result.html) if sign]
    assert (result.added, result.removed) == (signs.count("+"), signs.count("-"))
    assert result.added - result.removed == len(after) - len(before) == expected.count("+") - expected.count("-")
