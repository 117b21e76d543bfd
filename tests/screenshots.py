"""Takes screenshots of every page and state, in both themes and at three widths: `make screenshots-all`.

They are in build/screenshots. The log is that of `OBS_LOG`, or a new one that the demo records for ten seconds;
`python -m tests.screenshots help 390` takes only those with all of these texts in their names.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Error, Page, sync_playwright

from tests.browser.conftest import FLAGS
from tests.browser.prepare import browser
from tests.browser.states import STATES
from tests.support import dashboard

TARGET: Final = Path(__file__).parents[1] / "build" / "screenshots"
SIZES: Final = ((390, 844), (1440, 900), (2560, 1440))
THEMES: Final = ("light", "dark")
RECORDED_S: Final = 10
CHARTS_MS: Final = 2_000  # charts and grids are drawn after the page's script has ended
MOST_MS: Final = 15_000


def main(*texts: str) -> None:
    """Write the pictures with all `texts` in their names, and print their paths."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with _log() as log, dashboard.running(log, {"OBS_WATCH": "on"}) as server, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser(), args=list(FLAGS))
        for theme in THEMES:
            for width, height in SIZES:
                size = {"width": width, "height": height}
                context = chromium.new_context(color_scheme=theme, viewport=size)  # type: ignore[arg-type]
                context.set_default_timeout(MOST_MS)
                names = {name: f"{name}-{width}-{theme}.png" for name in STATES}
                for name in (name for name, file in names.items() if all(text in file for text in texts)):
                    page = context.new_page()
                    _take(page, name, f"http://127.0.0.1:{server.port}", TARGET / names[name])
                    page.close()
                context.close()
        chromium.close()


def _take(page: Page, name: str, address: str, path: Path) -> None:
    try:
        STATES[name].show(page, address)
    except (AssertionError, Error) as error:  # the log has no such rows: the picture shows what there is
        sys.stdout.write(f"{name} is not in its state: {str(error).splitlines()[0]}\n")
    page.wait_for_timeout(CHARTS_MS)
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
    main(*sys.argv[1:])
