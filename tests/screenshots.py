"""Takes screenshots of every page, in both themes and at three widths: `make screenshots-all`, in build/screenshots.

The log is that of `OBS_LOG`, or a new one that the demo records for ten seconds.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

from obs_core.ui.kit.navigation import PAGES
from tests.browser.conftest import FLAGS, settled
from tests.browser.prepare import browser
from tests.support import dashboard

TARGET: Final = Path(__file__).parents[1] / "build" / "screenshots"
SIZES: Final = ((390, 844), (1440, 900), (2560, 1440))
THEMES: Final = ("light", "dark")
RECORDED_S: Final = 10
CHARTS_MS: Final = 2_000  # charts and grids are drawn after the page's script has ended
LINKS: Final = {
    **{key: key for key in PAGES},
    "time_picker": "overview",
    "alerts_rules": "alerts?a_view=Rules",
    "alerts_webhooks": "alerts?a_view=Webhooks",
}
"""The pictures by their names, and the links that show them."""


def main() -> None:
    """Write the pictures, and print their paths."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with _log() as log, dashboard.running(log) as server, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser(), args=list(FLAGS))
        for theme in THEMES:
            for width, height in SIZES:
                context = chromium.new_context(
                    color_scheme=theme,
                    viewport={"width": width, "height": height},
                )
                _take(context.new_page(), f"http://127.0.0.1:{server.port}", f"{width}-{theme}")
                context.close()
        chromium.close()


def _take(page: Page, address: str, suffix: str) -> None:
    for name, link in LINKS.items():
        page.goto(f"{address}/{link}{'&' if '?' in link else '?'}from=first&to=last&every=off")
        settled(page)
        if name == "time_picker":
            page.keyboard.press("t")
            settled(page)
        page.wait_for_timeout(CHARTS_MS)
        path = TARGET / f"{name}-{suffix}.png"
        page.screenshot(path=path)
        sys.stdout.write(f"{path}\n")


@contextmanager
def _log() -> Iterator[Path]:
    """The log that the pictures show."""
    if given := os.environ.get("OBS_LOG"):
        yield Path(given)
        return
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "demo.db"
        command = [sys.executable, "-m", "obs_core", "demo", "--seconds", str(RECORDED_S)]
        subprocess.run(command, env={**os.environ, "OBS_LOG": str(log)}, check=True, stdout=subprocess.DEVNULL)
        yield log


if __name__ == "__main__":
    main()
