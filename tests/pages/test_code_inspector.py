"""The Code Inspector page on real logs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from obs_core.model import Code, Row
from obs_core.source_code.locate import digest
from obs_core.store import log as store
from obs_core.store import sqlite
from obs_core.ui.shell import answers
from tests.support import table

ROUTER = Path(__file__).parents[2] / "pages" / "_router.py"
SOURCE = '@trace\ndef load(path):\n    """</pre><script>alert(1)</script>"""\n    return open(path).read()\n'
STACK = 'Traceback (most recent call last):\n  File "{file}", line 4, in load\n    return open(path)\nOSError: disk\n'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The path of the log; the engine is closed afterwards."""
    path = tmp_path / "trace.db"
    monkeypatch.setenv("OBS_LOG", str(path))
    monkeypatch.setenv("OBS_SOURCE_ROOTS", str(tmp_path))
    yield path
    answers.close()
    st.cache_resource.clear()
    st.cache_data.clear()


def recorded(path: Path, sources: list[str | None], *, file: str, source_hash: str | None = None) -> None:
    """Write a log in which `app.load` ran three times under each of `sources`, failed once, and called `read`."""
    connection = store.open_log(path)
    with sqlite.transaction(connection):
        for version, source in enumerate(sources):
            key = source_hash or digest(source or "")
            code = Code("app.load", file, 1, source, key, f"rev{version}", table.START_NS + version)
            code_id = store.code_id(connection, code)
            for call in range(3):
                start = table.START_NS + (10 * version + call) * 1_000_000_000
                failed = call == 2
                span = f"{version}{call}"
                outer = Row("call", "web", "load", start, "shop", trace_id="t", span_id=span, function="app.load")
                outer = outer._replace(duration_ns=(call + 1) * 1_000_000, code_id=code_id)
                if failed:
                    outer = outer._replace(
                        status="ERROR", exception="OSError: disk", exception_stack=STACK.format(file=file)
                    )
                inner = Row("call", "web", "read", start, "shop", trace_id="t", span_id=f"{span}r", parent_span_id=span)
                store.append(connection, [outer, inner._replace(duration_ns=1000)])
    connection.close()


def opened(**link: str) -> AppTest:
    """The page that a link opens."""
    app = AppTest.from_file(ROUTER, default_timeout=30)
    for name, value in ({"from": "first", "to": "last"} | link).items():
        app.query_params[name] = value
    app.switch_page("code_inspector.py").run()
    assert not app.exception
    return app


def page_text(app: AppTest) -> str:
    """All text of the page's plain elements."""
    parts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.code, *app.subheader]
    html = [element.proto.body for element in app.get("html")]
    return "\n".join([*(str(part.value) for part in parts), *html])


def source_of(app: AppTest) -> str:
    """The source that the page shows."""
    [html] = [element.proto.body for element in app.get("html") if "Source code, lines" in element.proto.body]
    return str(html)


def tables(app: AppTest) -> str:
    """All cells of the page's tables."""
    return "\n".join(frame.value.to_csv() for frame in app.dataframe)


def test_without_a_function_the_page_lists_what_ran(path: Path) -> None:
    recorded(path, [SOURCE], file="/nowhere.py")
    assert "app.load,shop,3,1" in tables(opened())
    assert "No significant P95 change" in page_text(opened(f_order="Most changed"))
    assert "app.load" not in tables(opened(f_q="READ"))
    assert "No function with this name" in page_text(opened(f_q="nobody"))


def test_a_click_on_a_function_leads_to_it(path: Path) -> None:
    recorded(path, [SOURCE], file="/nowhere.py")
    app = opened(f_q="app.load")
    app.session_state["f_pick"] = {"selection": {"rows": [], "columns": [], "cells": [(0, "function")]}}
    app.run()
    assert "app.load" in app.query_params["f_fn"]


def test_the_source_is_shown_escaped_with_the_performance(path: Path) -> None:
    recorded(path, [SOURCE], file="/nowhere.py")
    shown = page_text(opened(f_fn="app.load"))
    assert '<span class="k">def</span>' in shown
    assert "<script>alert" not in shown
    assert "&lt;script&gt;" in shown
    assert "<td>2.00 ms</td>" in shown
    assert "33.3 %" in shown


def test_the_line_that_failed_is_marked(path: Path) -> None:
    file = str(path.parent / "feed.py")
    Path(file).write_text(SOURCE, "utf-8")
    recorded(path, [SOURCE], file=file)
    shown = page_text(opened(f_fn="app.load"))
    assert "as on disk" in shown
    [marked] = [line for line in shown.split("</div>") if "l hit" in line]
    assert 'class="no">4<' in marked
    assert "OSError" in marked


def test_an_edited_file_is_reported_and_the_recorded_source_is_shown(path: Path) -> None:
    file = path.parent / "feed.py"
    file.write_text("def load():\n    return 'SECRET'\n", "utf-8")
    recorded(path, [SOURCE], file=str(file))
    shown = page_text(opened(f_fn="app.load"))
    assert "changed on disk since" in shown
    assert "SECRET" not in shown


def test_versions_are_listed_newest_first(path: Path) -> None:
    recorded(path, [SOURCE, SOURCE.replace("read()", "readlines()")], file="/nowhere.py")
    app = opened(f_fn="app.load")
    assert "2 versions in this window" in page_text(app)
    assert "readlines" in source_of(app)
    versions = app.selectbox(key="f_version app.load")
    versions.set_value(versions.options[1]).run()
    assert "readlines" not in source_of(app)
    assert app.query_params["f_version"] in ("v1 rev0", ["v1 rev0"])


def test_a_span_without_code_shows_its_performance_and_a_note(path: Path) -> None:
    recorded(path, [SOURCE], file="/nowhere.py")
    shown = page_text(opened(f_fn="read"))
    assert "not recorded" in shown
    assert "1.00 µs" in shown


def test_a_path_from_the_log_is_not_read_unless_its_hash_matches(path: Path) -> None:
    recorded(path, [None], file="/etc/passwd", source_hash=digest("root"))
    shown = page_text(opened(f_fn="app.load"))
    assert "root:" not in shown
    assert "not recorded" in shown


@pytest.mark.parametrize("name", ["nobody", "../../etc/passwd", "<b>x</b>", "'; DROP TABLE code; --", "x" * 2_000])
def test_an_unknown_function_is_reported(path: Path, name: str) -> None:
    recorded(path, [SOURCE], file="/nowhere.py")
    shown = page_text(opened(f_fn=name))
    assert "<b>" not in shown.replace("</b>", "") or name != "<b>x</b>"
    assert "No call" in shown or "the maximum is" in shown


def test_a_misspelled_name_is_corrected(path: Path) -> None:
    recorded(path, [SOURCE], file="/nowhere.py")
    app = opened(f_fn="app.laod")
    assert "No calls and no source" in page_text(app)
    next(button for button in app.button if "load" in button.label).click().run()
    assert "def</span>" in page_text(app)


def test_two_versions_are_compared_as_a_diff_with_percentiles(path: Path) -> None:
    recorded(path, [SOURCE, SOURCE.replace("read()", "readlines()")], file="/nowhere.py")
    shown = page_text(opened(f_fn="app.load"))
    assert "What changed between the versions" in shown
    assert "No significant change:" in shown
    assert "1 line added, 1 removed" in shown
    assert "<th>v2</th><th>v1</th>" in shown
    assert "What changed between" not in page_text(opened(f_fn="read"))


def test_a_link_names_the_versions_shown_and_compared(path: Path) -> None:
    recorded(path, [SOURCE, SOURCE.replace("read()", "readlines()")], file="/nowhere.py")
    app = opened(f_fn="app.load", f_version="v1 rev0", f_older="v2 rev1", f_newer="v1 rev0")
    assert "readlines" not in source_of(app)
    assert "<th>v1</th><th>v2</th>" in page_text(app)
    assert "readlines" in source_of(opened(f_fn="app.load", f_version="v7"))
    next(button for button in app.button if button.label == "All functions").click().run()
    assert not app.exception
    assert not {"f_fn", "f_version", "f_older"} & set(app.query_params)


def test_versions_of_other_times_are_compared_over_the_whole_log(path: Path) -> None:
    recorded(path, [SOURCE, SOURCE.replace("read()", "readlines()")], file="/nowhere.py")
    later = str((table.START_NS + 9 * 1_000_000_000) // 1_000_000)
    shown = page_text(opened(f_fn="app.load", **{"from": later}))
    assert "2 versions recorded" in shown
    assert "Measured over the whole log" in shown
    assert "<td>3</td><td>3</td>" in shown


def test_a_callee_is_a_link_in_the_source(path: Path) -> None:
    recorded(path, [SOURCE], file="/nowhere.py")
    assert '<a href="code_inspector?from=first&amp;to=last&amp;f_fn=read" target="_self">' in page_text(
        opened(f_fn="app.load")
    )


def test_neighbours_failures_and_newest_calls_are_listed(path: Path) -> None:
    recorded(path, [SOURCE], file="/nowhere.py")
    shown = tables(opened(f_fn="app.load"))
    assert "read,3,0,0.001,0.0005" in shown
    assert "OSError: disk" in shown
