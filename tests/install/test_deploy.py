"""The files that run the product as a service name commands, settings and paths that exist."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from obs_core.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy").glob("*.service"))


def test_the_dockerfile_follows_the_rules_of_its_linter() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [str(hadolint), str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_dockerfile_copies_what_the_build_needs() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    copied = {name for line in re.findall(r"^COPY (?!--)(.*) \S+$", text, re.MULTILINE) for name in line.split()}
    assert [name for name in copied if not (ROOT / name).exists()] == []
    manifest = (ROOT / "MANIFEST.in").read_text("utf-8")
    assert copied >= {"setup.py", "pyproject.toml", "LICENSE", "README.md", "streamlit_app.py", ".streamlit", "pages"}
    assert "streamlit_app.py" in manifest


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_a_command_that_exists(unit: Path) -> None:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string(unit.read_text("utf-8"))
    program, command = parsed["Service"]["ExecStart"].split()
    assert program.endswith("/obs-core")
    assert command in COMMANDS
    assert unit.name == f"obs-core-{command}.service"


def test_the_compose_file_publishes_each_port_once() -> None:
    """Compose refuses a list of ports with two equal ones."""
    ports = re.findall(r'^ +- "(.*:\d+)"$', (ROOT / "compose.yaml").read_text("utf-8"), re.MULTILINE)
    assert len(ports) == len(set(ports)) == 3
