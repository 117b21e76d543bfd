"""Product text and names use the words of CONTRIBUTING, *Language*."""

from pathlib import Path

import pytest

from tests.support import language

ROOT = Path(__file__).parents[1]
TEXTS = ["obs_core", "pages", "docs", "benchmarks", "streamlit_app.py", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"]


@pytest.mark.parametrize("part", TEXTS)
def test_product_text_and_names_use_the_words_of_the_field(part: str) -> None:
    uses = [str(use) for path in language.files([str(ROOT / part)]) for use in language.findings(path)]
    assert uses == []


@pytest.mark.parametrize(
    "line",
    [
        "kept = wanted(place)",
        "def rows_told(): ...",
        '"""The course of a value, whose streak stands beside it."""',
        "# reckoned anew for each room",
    ],
)
def test_a_line_with_such_words_is_noticed(line: str, tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(f"{line}\n", "utf-8")
    assert list(language.findings(file))


def test_a_line_of_plain_english_passes(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text('"""The trend of a series."""\nup_to_id = 1  # evaluate once per tick\n', "utf-8")
    assert not list(language.findings(file))
