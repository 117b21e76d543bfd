"""Every page, with all its tabs and links, on every hostile log: no page shows an exception."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from obs_core.ui.shell import answers
from tests.hostile import logs

ROUTER: Final = Path(__file__).parents[2] / "pages" / "_router.py"
PAGES: Final = ("overview", "trace_explorer", "code_inspector", "alerts", "logs")
LINKS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("overview", {"o_by": "Errors", "every": "5 s"}),
    ("overview", {"from": "now-1h", "to": "now", "group": "g"}),
    ("overview", {"from": "0001-01-01", "to": "9999-12-31"}),
    ("trace_explorer", {"t_facets": "true", "t_sort": "Slowest first", "t_size": "500"}),
    ("trace_explorer", {"t_facets": "true", "t_sort": "Errors first", "t_q": "a\0b' OR 1=1"}),
    ("trace_explorer", {"t_sort": "Process Z to A", "t_where": "x=1", "t_after": "!", "t_open": "1.2~9_x"}),
    ("trace_explorer", {"t_status": "ERROR", "t_kind": "call", "t_level": "99", "t_row": "-1"}),
    ("trace_explorer", {"t_row": "1", "t_cols": "a.b", "t_raw": "true"}),
    ("trace_explorer", {"t_row": "9" * 30}),
    ("trace_explorer", {"trace": "circle", "span": "a", "t_tab": "By function", "t_level": "1"}),
    ("trace_explorer", {"trace": "clocks"}),
    ("trace_explorer", {"trace": "deep", "span": "n299"}),
    ("trace_explorer", {"trace": "attributes", "t_open": "1.2.3.4"}),
    ("trace_explorer", {"trace": "t", "span": "row-4"}),
    ("trace_explorer", {"trace": "' OR 1=1 --", "span": "\0"}),
    ("code_inspector", {"f_order": "Most changed", "f_q": "%_\\"}),
    ("code_inspector", {"f_fn": "web.load", "f_span": "7 d"}),
    ("code_inspector", {"f_fn": "d"}),
    ("code_inspector", {"f_fn": "a\0b", "f_version": "x"}),
    ("alerts", {"a_view": "Rules", "a_rule": "x"}),
    ("alerts", {"a_view": "Webhooks"}),
    ("alerts", {"a_view": "Now", "a_process": "p", "a_data": "d"}),
    ("logs", {"l_size": "10000", "l_row": "1"}),
    ("logs", {"l_q": "[(*", "l_row": "x"}),
)
"""A page and the parameters of its link."""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the log of the pages is."""
    path = tmp_path / "trace.db"
    monkeypatch.setenv("OBS_LOG", str(path))
    yield path
    answers.close()
    st.cache_resource.clear()
    st.cache_data.clear()


def opened(page: str, **link: str) -> AppTest:
    """The page as somebody sees it who opens a link."""
    app = AppTest.from_file(ROUTER, default_timeout=60)
    for name, text in ({"from": "first", "to": "last"} | link).items():
        app.query_params[name] = text
    return app.switch_page(f"{page}.py").run()


def problems(app: AppTest) -> list[str]:
    """The exceptions that a page shows, and what its panels say about errors that nobody expected."""
    shown = [f"{element.message} {element.stack_trace}" for element in app.exception]
    return shown + [text.value for text in app.warning if "error in this program" in text.value]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", logs.LOGS)
def test_no_page_fails_on_a_hostile_log(path: Path, kind: str, page: str) -> None:
    logs.LOGS[kind](path)
    assert problems(opened(page)) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", logs.WITH_ROWS)
def test_no_link_into_a_hostile_log_fails(path: Path, kind: str) -> None:
    logs.LOGS[kind](path)
    failed = {f"{page} {link}": found for page, link in LINKS if (found := problems(opened(page, **link)))}
    assert failed == {}
