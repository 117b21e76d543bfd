"""Other people's tests, with and without tracing: each test must have the same outcome, warnings and output.

`python -m benchmarks.compat --folder FOLDER --all` (or names of `compat_suites.SUITES`) runs each suite in new
processes: plain, with the package under `instrument`, and with `@trace` on the functions of the test modules. If a
test differs, the suite runs plain once more: what differs between the two plain runs is unstable and not compared. The
tests that still differ run once more traced; those that then do as in a plain run are unstable, too.
Results stay in FOLDER, so a run that was stopped continues; `--again` runs the suites once more. `--table` prints what
is there.

Install the packages first: `pip install -r benchmarks/compat.txt`. Their source distributions are downloaded with pip.
"""

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from benchmarks.compat_suites import SUITES, Suite

ROOT: Final = Path(__file__).parents[1]
PLAIN: Final = ("plain", "plain-2")
TRACED: Final = ("instrument", "trace")
MODES: Final = (*PLAIN, *TRACED, *(f"{mode}-again" for mode in TRACED))
PARTS: Final = ("outcome", "warnings", "output")
_TEST_S: Final = 60
_FILTER: Final = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
_ALL: Final = ("--maxfail=100000", "--continue-on-collection-errors")
_PYTEST: Final = (
    "-m",
    "pytest",
    "-p",
    "benchmarks.compat_plugin",
    "-p",
    "no:cacheprovider",
    "-q",
    "--tb=short",
    *_FILTER,
)
Result = dict[str, Any]


def source(suite: Suite, folder: Path) -> Path:
    """The folder of the source distribution of a suite, which is downloaded once."""
    sources, version = folder / "sources", metadata.version(suite.release)
    sources.mkdir(parents=True, exist_ok=True)

    def archive() -> Path | None:
        name = _plain_name(f"{suite.release}-{version}.tar.gz")
        return next((path for path in sources.glob("*.tar.gz") if _plain_name(path.name) == name), None)

    if archive() is None:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*command, "-d", str(sources), f"{suite.release}=={version}"], check=True)
    path = archive()
    assert path is not None
    home = path.with_name(path.name.removesuffix(".tar.gz"))
    if not home.exists():
        with tarfile.open(path) as content:
            content.extractall(sources, filter="data")
    return home


def _plain_name(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def run(suite: Suite, mode: str, folder: Path, only: Iterable[str] = ()) -> Result:
    """What each test did in one run, or the tests `only`; `error` if there is no result."""
    (path := folder / "path").mkdir(parents=True, exist_ok=True)
    for name in ("obs_core", "benchmarks"):
        if not (path / name).exists():
            (path / name).symlink_to(ROOT / name)
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary) if suite.installed else source(suite, folder)
        tests = Path(str(metadata.distribution(suite.release).locate_file(""))) if suite.installed else home
        environment = {
            **os.environ,
            "COMPAT_MODE": mode.partition("-")[0],
            "COMPAT_PACKAGE": suite.package,
            "COMPAT_TESTS": str(tests),
            "COMPAT_ONLY": json.dumps(list(only)),
            "COMPAT_OUT": f"{temporary}/out.json",
            "OBS_LOG": f"{temporary}/trace.db",
            "OBS_SPOOL_MB": "512",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(path),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            **dict(suite.environment),
        }
        environment.pop("PYTEST_ADDOPTS", None)
        plugins = [option for plugin in ("pytest_timeout", *suite.plugins) for option in ("-p", plugin)]
        config = [] if suite.config and not suite.installed else ["-c", os.devnull, "--rootdir", str(home)]
        options = [*plugins, *config, f"--timeout={_TEST_S}", f"--basetemp={temporary}/tests"]
        command = [sys.executable, "-P", *_PYTEST, *options, *suite.options]
        command += ["--pyargs", *suite.tests] if suite.installed else suite.tests
        try:
            done = subprocess.run(
                command, env=environment, cwd=home, capture_output=True, text=True, timeout=suite.limit_s, check=False
            )
            output, stderr = f"exit code {done.returncode}\n{done.stdout[-3000:]}", done.stderr
        except subprocess.TimeoutExpired as error:
            output, stderr = f"ended after {suite.limit_s} s\n{(error.stdout or b'')[-3000:]!r}", ""
        try:
            result: Result = json.loads(Path(temporary, "out.json").read_text())
        except FileNotFoundError:
            result = {"error": output + stderr[-3000:]}
        return {**result, "stderr": re.sub(r"\d+", "#", stderr)}


def results_of(name: str, folder: Path) -> dict[str, Result]:
    """The stored results of a suite under this Python, by mode."""
    paths = {mode: folder / platform.python_version() / f"{name}.{mode}.json" for mode in MODES}
    return {mode: json.loads(path.read_text()) for mode, path in paths.items() if path.exists()}


def differences(results: dict[str, Result], mode: str) -> dict[str, list[str]]:
    """What a traced run did differently, by test; what also a plain run or a second traced run did is left out."""
    runs = [results[PLAIN[0]], results.get(PLAIN[1], results[PLAIN[0]]), results[mode]]
    plain, second, traced = (result["tests"] for result in runs)
    again = results.get(f"{mode}-again", {}).get("tests", {})
    differing: dict[str, list[str]] = {}
    for test in sorted(plain.keys() | second.keys() | traced.keys()):
        for part in PARTS:
            expected, other, *ours = (
                _part(tests, test, part) for tests in (plain, second, traced, {**traced, **again})
            )
            if expected == other and expected not in ours:
                more, less = ours[0] - expected, expected - ours[0]
                differing.setdefault(test, []).append(f"{part}: {_short(less)} -> {_short(more)}")
        if test in differing and traced.get(test, {}).get("text", "") != plain.get(test, {}).get("text", ""):
            differing[test] += traced[test]["text"].splitlines()[-8:]
    return differing


def unstable(results: dict[str, Result]) -> list[str]:
    """The tests that differ between two plain runs, or only in the first of two traced runs."""
    plain = results[PLAIN[0]]["tests"]
    differing = set()
    for mode in (PLAIN[1], *TRACED):
        other = results.get(mode, {}).get("tests", {})
        again = results.get(f"{mode}-again", {}).get("tests", {})
        for test in plain.keys() & other.keys() if mode == PLAIN[1] else again.keys():
            if any(_part(plain, test, part) != _part(other, test, part) for part in PARTS):
                differing.add(test)
    return sorted(differing - {test for mode in TRACED for test in differences(results, mode)})


def _part(tests: dict[str, Any], test: str, part: str) -> Counter[str]:
    value = tests.get(test, {}).get(part, "not run")
    return Counter([value] if isinstance(value, str) else value)


def _short(values: Counter[str]) -> str:
    return "; ".join(f"{number} x {text[:300]!r}" for text, number in list(values.items())[:5]) or "nothing"


def report(name: str, results: dict[str, Result], *, is_long: bool) -> str:
    """A line of the table, and with `is_long` what differs."""
    suite = SUITES[name]
    errors = [f"{mode}: {result['error']}" for mode, result in results.items() if "error" in result]
    if errors or not {PLAIN[0], *TRACED} <= results.keys():
        return f"| {name} | {metadata.version(suite.release)} | no result: {', '.join(results)} |" + "".join(
            f"\n{error}" for error in errors if is_long
        )
    plain = results["plain"]
    cells, lines = [], []
    for mode in TRACED:
        traced = results[mode]
        differing = differences(results, mode)
        without_row = traced["offered"] - traced["rows"]
        cells += [str(len(differing)), f"{traced['cpu_s'] / max(plain['cpu_s'], 0.001):.1f}"]
        lines.append(
            f"  {mode}: {traced['traced']:,} functions traced, {len(traced['missed'])} missed, {len(differing)} differ;"
        )
        lines.append(
            f"    rows offered {traced['offered']:,}, in the log {traced['rows']:,}, dropped {traced['dropped']:,}"
        )
        if not 0 <= without_row <= traced["dropped"] or traced["written"] != traced["rows"]:
            lines.append(f"    NOT EQUAL: {without_row} without a row, the header says {traced['written']:,} written")
        lines += [f"    last error: {traced['last_error']}"] if traced["last_error"] else []
        lines += [f"    {test}\n      " + "\n      ".join(parts) for test, parts in differing.items()]
        if traced["stderr"] not in {plain["stderr"], results.get(PLAIN[1], plain)["stderr"]}:
            lines.append(f"    standard error: {plain['stderr'][-300:]!r} -> {traced['stderr'][-600:]!r}")
    lines.append(f"  differ between two plain runs: {unstable(results)}")
    count = Counter(test["outcome"] for test in plain["tests"].values())
    passed, others = (
        count.pop("passed", 0),
        ", ".join(f"{number} {outcome}" for outcome, number in count.items() if outcome),
    )
    lines.append(f"  plain: {passed} passed, {others}; {plain['cpu_s']:.1f} s of CPU")
    row = [name, metadata.version(suite.release), f"{passed:,}", str(len(unstable(results))), *cells]
    return "\n".join([f"| {' | '.join(row)} |", *(lines if is_long else [])])


def run_all(name: str, folder: Path, *, again: bool) -> None:
    """Run a suite as often as it is necessary, and store the results; those that are there stay, unless `again`."""

    def store(mode: str, only: Iterable[str] = ()) -> None:
        path = folder / platform.python_version() / f"{name}.{mode}.json"
        if again or not path.exists():
            path.write_text(json.dumps(run(SUITES[name], mode, folder, only)))

    for mode in (PLAIN[0], *TRACED):
        store(mode)
    results = results_of(name, folder)
    if any("error" in result for result in results.values()):
        return
    if any(differences(results, mode) for mode in TRACED):
        store(PLAIN[1])
    for mode in TRACED:
        if differing := differences(results_of(name, folder), mode):
            store(f"{mode}-again", differing)


def main() -> None:
    """Run suites and print what differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compat", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("suites", nargs="*", choices=[[], *SUITES], help="names of suites")
    parser.add_argument("--all", action="store_true", help="all suites")
    parser.add_argument("--folder", type=Path, required=True, help="holds sources and results")
    parser.add_argument("--again", action="store_true", help="run suites that have results again")
    parser.add_argument("--table", action="store_true", help="run nothing, print one line per suite")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it, and so do its tests
    folder = given.folder.resolve()
    (folder / platform.python_version()).mkdir(parents=True, exist_ok=True)
    for name in SUITES if given.all else given.suites:
        if not given.table:
            run_all(name, folder, again=given.again)
        print(report(name, results_of(name, folder), is_long=not given.table), flush=True)


if __name__ == "__main__":
    main()
