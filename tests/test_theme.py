"""The colours: readable in both themes, and the same in Streamlit's configuration."""

import tomllib
from pathlib import Path
from typing import Final

import pytest

from obs_core import theme
from tests.test_charts import luminance

ROOT: Final = Path(__file__).parents[1]
CONFIGURED: Final = {
    "backgroundColor": theme.PAGE,
    "textColor": theme.TEXT["ink"],
    "codeTextColor": theme.TEXT["ink"],
    "borderColor": theme.LINE,
    "redColor": theme.ROLES["error"],
    "redTextColor": theme.TEXT["error"],
    "orangeColor": theme.ROLES["stale"],
    "orangeTextColor": theme.TEXT["stale"],
    "greenColor": theme.ROLES["ok"],
    "greenTextColor": theme.TEXT["ok"],
    "blueColor": theme.ROLES["accent"],
    "blueTextColor": theme.TEXT["accent"],
    "violetColor": theme.ROLES["slow"],
    "grayTextColor": theme.TEXT["quiet"],
    "dataframeHeaderBackgroundColor": theme.PAPER,
    "dataframeHeaderTextColor": theme.TEXT["quiet"],
}
"""Settings of Streamlit's theme, and the colours that they repeat."""


@pytest.mark.parametrize(("dark", "name"), [(0, "light"), (1, "dark")])
def test_streamlits_own_elements_have_the_same_colours(dark: int, name: str) -> None:
    configured = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"][name]
    expected = {setting: pair[dark] for setting, pair in CONFIGURED.items()}
    assert {setting: configured[setting] for setting in expected} == expected


@pytest.mark.parametrize("role", theme.TEXT)
@pytest.mark.parametrize("dark", [0, 1])
def test_text_is_readable_on_the_page_and_on_paper(role: str, dark: int) -> None:
    for background in (theme.PAGE[dark], theme.PAPER[dark]):
        low, high = sorted((luminance(theme.TEXT[role][dark]), luminance(background)))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_every_role_of_text_is_a_css_variable() -> None:
    variables = theme.css_variables()
    assert all(f"--obs-{role}: light-dark({pair[0]},{pair[1]});" in variables for role, pair in theme.TEXT.items())
