"""The site builds strictly, its references come from the code, and the tutorial does what it says."""

import os
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import obs_core
from obs_core.alerts.rules.kinds import KINDS
from obs_core.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)(?: ([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Sources(HTMLParser):
    """What a page loads: scripts, styles, images, frames."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_style = tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload")
        address = given.get("href") if is_style else given.get("src")
        if address:
            self.loaded.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_has_every_document_and_loads_nothing_from_elsewhere(site: Path) -> None:
    documents = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    built = {path.relative_to(site) for path in site.rglob("*.html")}
    assert documents - built == set()
    for path in site.rglob("*.html"):
        page = Sources()
        page.feed(path.read_text("utf-8"))
        assert [address for address in page.loaded if re.match(r"(https?:)?//", address)] == [], path


def test_the_references_name_every_command_rule_kind_and_function(site: Path) -> None:
    cli = (site / "reference" / "cli.html").read_text("utf-8")
    assert [name for name in COMMANDS if f'id="{name}"' not in cli] == []
    kinds = (site / "reference" / "rule_kinds.html").read_text("utf-8")
    assert [name for name in KINDS if f'id="{name}"' not in kinds] == []
    api = (site / "reference" / "api.html").read_text("utf-8")
    exported = [name for name in obs_core.__all__ if not name.startswith("__")]
    assert [name for name in exported if f"obs_core.{name}" not in api] == []


def run(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """A command, started in `folder` without settings."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("OBS_")}
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    said = ""
    for language, title, text in BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text("utf-8")):
        if language == "python":
            (tmp_path / title.split('"')[1]).write_text(text, "utf-8")
        elif title != "no-test":
            for line in text.splitlines():
                program, *arguments = shlex.split(line)
                start = [sys.executable, *(("-m", "obs_core") if program == "obs-core" else ())]
                done = run([*start, *arguments], tmp_path)
                assert done.returncode == 0, done.stderr
                said += done.stdout
    assert re.search(r"^ +60 +59 +1 ", said, re.MULTILINE)
    assert "TimeoutError: the sensor does not answer" in said
    assert re.search(r"^feed +temperature +20 .* 21.5 ", said, re.MULTILINE)
    assert "would have fired 1 time" in said


@pytest.mark.parametrize("name", ["programs.md", "capture.md"])
def test_the_python_in_the_documents_is_python(name: str) -> None:
    blocks = BLOCK.findall((ROOT / "docs" / name).read_text("utf-8"))
    programs = [text for language, _, text in blocks if language == "python"]
    assert programs
    for text in programs:
        compile(text, name, "exec")
