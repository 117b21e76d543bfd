"""What `python -m build` makes, installed into an empty environment."""

import os
import re
import shutil
import site
import subprocess
import sys
import time
import tomllib
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from obs_core.cli.checks import installation
from obs_core.version import VERSION
from tests.support.dashboard import free_port

ROOT = Path(__file__).parents[2]
PARTS = (
    *("obs_core", "pages", ".streamlit", "streamlit_app.py", "requirements.txt"),
    *("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE"),
)
PROGRAM = """
from obs_core import trace, __version__
@trace
def price(symbol): return 1.5
price("EURUSD")
print(__version__)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source distribution, and the wheel that was built from it."""
    source = tmp_path_factory.mktemp("source")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, source / part)
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def empty(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, timeout=250)
    return python


def run(python: Path, *arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """A program of the empty environment, started in `folder`."""
    command = [str(python), *arguments]
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=250
    )


@pytest.fixture
def server(empty: Path, tmp_path: Path) -> Iterator[str]:
    """The address of `obs-core serve` in a directory with nothing but a log, with this environment's packages."""
    packages = empty.parent.parent / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    shared = packages / "shared.pth"
    folders = [*site.getsitepackages(), *_listed(Path(site.getsitepackages()[0]))]
    shared.write_text("\n".join(folders) + "\n")
    port = free_port()
    command = [str(empty.with_name("obs-core")), "serve", "--port", str(port), "--log", "trace.db"]
    environment = {**os.environ, "OBS_OTLP": "off", "OBS_WATCH": "off"}
    environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)
        shared.unlink()


def _listed(folder: Path) -> list[str]:
    """Folders that path files add here, without this checkout."""
    lines = [line for file in folder.glob("*.pth") for line in file.read_text("utf-8").splitlines()]
    return [line for line in lines if Path(line).is_dir() and Path(line).name == "site-packages"]


def answer(address: str) -> bytes:
    """The answer of a server that may still be starting."""
    end = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(address, timeout=30) as response:  # noqa: S310 - our own server's
                return bytes(response.read())
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.2)


def test_the_distributions_are_whole_and_their_metadata_is_valid(built: Path) -> None:
    (wheel,), (source,) = built.glob("*.whl"), built.glob("*.tar.gz")
    check = [sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(source)]
    done = subprocess.run(check, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stdout
    names = set(zipfile.ZipFile(wheel).namelist())
    pages = {f"obs_core/app/pages/{page.name}" for page in ROOT.glob("pages/*.py")}
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "obs_core").rglob("*") if path.is_file()}
    ours = {file for file in files if "__pycache__" not in file}
    expected = pages | ours | {"obs_core/app/streamlit_app.py", "obs_core/app/.streamlit/config.toml"}
    assert expected - names == set()
    assert {name.partition("/")[0] for name in names} == {"obs_core", f"obs_core-{VERSION}.dist-info"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_a_traced_program_needs_the_wheel_only(empty: Path, tmp_path: Path) -> None:
    program = run(empty, "-c", PROGRAM, folder=tmp_path)
    assert (program.stdout.strip(), program.stderr) == (VERSION, "")
    assert (tmp_path / "logs" / "main_dashboard_logs.db").exists()
    script = run(empty.with_name("obs-core"), "--version", folder=tmp_path)
    assert script.stdout == f"obs-core {VERSION}\n"
    for arguments in (("serve",), ("ask", "overview.summary")):
        done = run(empty.with_name("obs-core"), *arguments, folder=tmp_path)
        assert done.returncode == 2
        assert "pip install 'obs-core[dashboard]'" in done.stderr
        assert "Traceback" not in done.stderr
    doctor = run(empty.with_name("obs-core"), "doctor", folder=tmp_path)
    assert doctor.returncode == 0, doctor.stdout
    assert "The dashboard is not installed" in doctor.stdout
    assert "has 1 rows" in doctor.stdout


def test_the_dashboard_starts_from_the_wheel_in_any_directory(empty: Path, server: str, tmp_path: Path) -> None:
    (tmp_path / "charts.py").write_text("raise SystemExit('the wrong module')")
    run(empty, "-c", "from obs_core import configure; configure(log='trace.db')\n" + PROGRAM, folder=tmp_path)
    assert b'"status":"ok"' in answer(f"{server}/healthz").replace(b'": "', b'":"')
    assert b"<title>" in answer(f"{server}/overview")


def test_the_ranges_of_the_package_start_at_the_versions_that_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    required = map(Requirement, project["optional-dependencies"]["dashboard"])
    lowest = {one.name: part.version for one in required for part in one.specifier if part.operator in (">=", "==")}
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    pins = dict(re.split("==", line.split()[0]) for line in lines if "==" in line and not line.startswith("#"))
    assert lowest == pins
    assert installation.installed() == pins  # what `doctor` looks at
