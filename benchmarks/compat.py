"""Other people's tests, with and without tracing: every test must have the same outcome and warnings.

`python -m benchmarks.compat tornado:tornado.test.gen_test networkx:networkx.classes.tests …` runs the tests that are
installed with a package (`PACKAGE:TESTS`), first plain, then with the package under `instrument`, in new processes of
this Python. Install the packages and pytest first; trio needs the option `-ptrio._tests.pytest_plugin`. It prints each
test that differs, and the ratio of the CPU times.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LIMIT_S = 900


def run(package: str, tests: str, mode: str, *options: str) -> dict[str, Any]:
    """The outcomes of one run."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "COMPAT_MODE": mode,
            "COMPAT_PACKAGE": package,
            "COMPAT_OUT": f"{folder}/out.json",
            "OBS_LOG": f"{folder}/trace.db",
            "OBS_SPOOL_MB": "256",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "pytest", "-p", "benchmarks.compat_plugin", "-p", "no:cacheprovider", "-q"]
        done = subprocess.run(
            [*command, "--pyargs", tests, "-c", os.devnull, "--rootdir", folder, *options],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        try:
            result: dict[str, Any] = json.loads(Path(folder, "out.json").read_text())
        except FileNotFoundError:
            sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
        return result


def compare(package: str, plain: dict[str, Any], traced: dict[str, Any]) -> int:
    """Print what differs; return the number of tests with another outcome."""
    names = sorted(plain["tests"].keys() | traced["tests"].keys())
    differ = [name for name in names if plain["tests"].get(name) != traced["tests"].get(name)]
    count = Counter(plain["tests"].values())
    ratio = traced["cpu_s"] / max(plain["cpu_s"], 0.001)
    lost = traced["offered"] - traced["written"] - traced["dropped"]
    print(
        f"{package}: {dict(count)}, {len(differ)} differ; CPU {plain['cpu_s']:.1f} s, {ratio:.1f} times with tracing;"
    )
    print(f"  {traced['traced']} functions traced, {len(traced['missed'])} missed; {traced['written']:,} rows written,")
    print(f"  {traced['dropped']} dropped, {lost} not counted {traced['last_error']}")
    for name in differ:
        print(f"  {plain['tests'].get(name)} -> {traced['tests'].get(name)}  {name}")
        print("     ", "\n      ".join(traced["texts"].get(name, "").splitlines()[-4:]))
    seen = [Counter(map(tuple, result["warnings"])) for result in (plain, traced)]
    for sign, more in (("+", seen[1] - seen[0]), ("-", seen[0] - seen[1])):
        for warning, number in list(more.items())[:10]:
            print(f"  {sign} {number} warnings {warning}")
    return len(differ)


def main(*arguments: str) -> int:
    """Run the suites; 1 if a test differs. Arguments that start with - are passed to pytest."""
    options = [argument for argument in arguments if argument.startswith("-")]
    total = 0
    for argument in arguments:
        if argument not in options:
            package, _, tests = argument.partition(":")
            runs = [run(package, tests or package, mode, *options) for mode in ("plain", "instrument")]
            total += compare(package, *runs)
    return int(total > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
