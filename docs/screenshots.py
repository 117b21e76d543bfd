"""Makes docs/images from the demo: `make screenshots` records it, starts the dashboard, and looks at every page.

Each page is shown in both themes. The demo has three programs; an instrument of one gets stuck, so that its rule fires.
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

from obs_core.cli.main import main
from tests.browser.conftest import FLAGS, IDLE
from tests.browser.prepare import browser
from tests.support import dashboard

FOLDER: Final = Path(__file__).with_name("images")
SECONDS: Final = "40"
SIZE: Final = {"width": 1280, "height": 860}
PAGES: Final = {  # each page with what its link selects, and a text that it shows
    "overview": "Recent errors",
    "trace_explorer": "Trace Explorer",
    "code_inspector?f_fn=obs_core.demo.station.observe": "Recorded source",
    "alerts": "Alerts",
    "logs": "Logs",
}
THEMES: Final = ("light", "dark")
WITHOUT_FOLDER: Final = """folder => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(folder + "/", "");
}"""
_SETTLED_MS: Final = 4_000  # charts and tables are drawn after the script has run


def make(names: list[str]) -> None:
    """Write `<page>-<theme>.png` of every page, or of those in `names`."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        log = Path(temporary) / "trace.db"
        main(["demo", "--seconds", SECONDS, "--log", str(log)])
        with dashboard.running(log, {"OBS_WATCH": "on"}) as server, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser(), args=list(FLAGS))
            for theme in THEMES:
                context = chromium.new_context(viewport=SIZE, color_scheme=theme)  # type: ignore[arg-type]
                for link, text in PAGES.items():
                    name, _, selected = link.partition("?")
                    if names and name not in names:
                        continue
                    page = context.new_page()
                    page.goto(f"http://127.0.0.1:{server.port}/{name}?from=last-1m&to=last&{selected}")
                    _wait(page, text)
                    page.evaluate(WITHOUT_FOLDER, str(dashboard.ROOT))
                    page.screenshot(path=FOLDER / f"{name}-{theme}.png")
                    page.close()
                context.close()
            chromium.close()


def _wait(page: Page, text: str) -> None:
    page.wait_for_selector(IDLE, timeout=300_000)
    page.get_by_text(text).first.wait_for(timeout=300_000)
    page.wait_for_timeout(_SETTLED_MS)
    page.wait_for_selector(IDLE, timeout=300_000)


if __name__ == "__main__":
    make(sys.argv[1:])
