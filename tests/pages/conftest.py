"""Pages opened by a link, on a log of the test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from obs_core.ui.shell import answers

ROUTER = Path(__file__).parents[2] / "pages" / "_router.py"
Opened = Callable[..., AppTest]


@pytest.fixture
def log_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The path of the log; the engine is closed afterwards."""
    path = tmp_path / "trace.db"
    monkeypatch.setenv("OBS_LOG", str(path))
    yield path
    answers.close()
    st.cache_resource.clear()


@pytest.fixture
def opened(log_path: Path) -> Opened:
    """Opens a page by its path's name and the link's parameters, on the whole log unless they say otherwise."""
    assert log_path

    def page(name: str, **link: str) -> AppTest:
        app = AppTest.from_file(ROUTER, default_timeout=30)
        for key, text in ({"from": "first", "to": "last"} | link).items():
            app.query_params[key] = text
        return app.switch_page(f"{name}.py").run()

    return page


def page_text(app: AppTest) -> str:
    """All text of a page, in plain elements and in HTML, without Markdown's backslashes."""
    plain = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.code]
    written = [element.proto.body for element in app.get("html") if "<style>" not in element.proto.body]
    tables = [table.value.to_string() for table in app.dataframe]
    return "\n".join([*(str(element.value) for element in plain), *written, *tables]).replace("\\", "")
