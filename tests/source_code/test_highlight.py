"""Source as HTML: nothing of it is live, numbers are Python's, and the colours can be read in both themes."""

import re

from hypothesis import given
from hypothesis import strategies as st

from obs_core.source_code import highlight
from obs_core.theme import PAPER, TEXT

FUNCTION = '''@trace
def load(path: str) -> int:
    """Read.

    Over several lines.
    """
    return len(open(path).read()) + 42  # bytes
'''


def shown(html: str) -> list[str]:
    """The text of each line as a browser would show it."""
    texts = re.findall(r'<span class="t">(.*?)</span>(?:<span class="(?:why|folds)">.*?</span>)?</div>', html)
    return [
        re.sub(r"<[^>]*>", "", text)
        .replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&#x27;", "'").replace("&amp;", "&")
        for text in texts
    ]  # fmt: skip


def test_a_function_keeps_its_text_and_its_line_numbers() -> None:
    part = highlight.part(FUNCTION, first_line=40)
    assert shown(part.html) == [line or " " for line in FUNCTION.split("\n")[:-1]]
    assert re.findall(r'class="no">(\d+)<', part.html) == [str(number) for number in range(40, 47)]
    assert (part.first, part.last, part.total) == (40, 46, 7)


def test_keywords_names_strings_and_comments_have_their_own_classes() -> None:
    html = highlight.part(FUNCTION).html
    for piece in ('<span class="k">def</span>', '<span class="f">load</span>', '<span class="d">@trace</span>'):
        assert piece in html
    assert '<span class="s">    Over several lines.</span>' in html
    assert '<span class="c"># bytes</span>' in html
    assert '<span class="n">42</span>' in html


def test_hostile_source_is_only_text() -> None:
    html = highlight.part('x = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>"\n').html
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_hostile_remarks_are_only_text() -> None:
    assert "<b>" not in highlight.part("x = 1\n", marks={1: "<b>ValueError</b>"}).html


def test_a_mark_is_on_its_line_of_the_file() -> None:
    html = highlight.part(FUNCTION, first_line=40, marks={46: "OSError, 3 times"}).html
    marked = [row for row in html.split("</div>") if "l hit" in row]
    assert len(marked) == 1
    assert 'class="no">46<' in marked[0]
    assert "OSError, 3 times" in marked[0]


def test_form_feeds_tabs_and_carriage_returns_do_not_shift_the_numbers() -> None:
    part = highlight.part("a = 1\r\n\x0cb = 2\x0b\n\tc = 3\x85\rd = 4\n")
    assert part.total == 4


def test_a_line_of_a_megabyte_is_truncated_visibly() -> None:
    part = highlight.part("x = '" + "y" * 1_000_000 + "'\n")
    assert len(part.html) < 4_000
    assert "998,006 more characters" in part.html


def test_a_source_too_long_for_colours_is_still_shown() -> None:
    source = "\n".join(f"value_{number} = '<b>'" for number in range(30_000))
    part = highlight.part(source, around=30_000)
    assert part.last == part.total == 30_000
    assert "value_29999 = &#x27;&lt;b&gt;&#x27;" in part.html


def test_a_long_source_is_shown_by_part_around_a_line() -> None:
    source = "\n".join(f"line_{number} = 0" for number in range(1, 5_001))
    middle = highlight.part(source, first_line=1_001, around=3_500)
    assert middle.first <= 3_500 <= middle.last
    assert middle.last - middle.first + 1 == highlight.PART_LINES
    assert highlight.part(source, first_line=1_001).first == 1_001
    assert highlight.part(source, first_line=1_001, around=6_000).last == 6_000


@given(st.text(alphabet=st.sampled_from("ab\"'#\\\n\t\r\f<>& \0(){}:=") | st.characters(codec="utf-8"), max_size=200))
def test_whatever_the_source_every_line_is_shown_once(source: str) -> None:
    part = highlight.part(source)
    assert part.total == len(highlight.lines_of(source))
    assert part.html.count('class="no"') == min(part.total, highlight.PART_LINES)
    assert re.sub(r"</?(?:div|span)[^<>]*>", "", part.html).count("<") == 0


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2, section 'relative luminance')."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_colour_can_be_read_in_both_themes() -> None:
    for theme in (0, 1):
        for colour in [TEXT["ink"][theme], *(entry[1 + theme] for entry in highlight.COLOURS.values())]:
            light, dark = sorted((luminance(colour), luminance(PAPER[theme])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, colour


def test_the_stylesheet_names_every_class_with_both_themes() -> None:
    css = highlight.stylesheet()
    for name, light, dark in highlight.COLOURS.values():
        assert f".obs-code .{name}{{color:light-dark({light},{dark})}}" in css


def test_a_docstring_is_folded_to_its_first_line() -> None:
    html = highlight.part(FUNCTION).html
    summary = html[html.index("<summary") : html.index("</summary>")]
    assert "Read." in summary
    assert "… 3 more lines" in summary
    assert html.count("<details>") == 1
    assert "<details>" not in highlight.part('def load():\n    """Read."""\n    text = """a\nb\nc"""\n').html


def test_a_name_with_an_address_is_a_link_and_the_definition_is_none() -> None:
    source = "def load(load):\n    with span('look ahead'):\n        return check(load) + 'check'  # check\n"
    html = highlight.part(source, links={"check": 'x?f="><script>', "look ahead": "y"}).html
    assert html.count("<a ") == 3
    assert '<a href="x?f=&quot;&gt;&lt;script&gt;" target="_self">check</a>' in html
    assert '<span class="f">load</span>' in highlight.part(source, links={"load": "z"}).html
    assert "<script>" not in html
