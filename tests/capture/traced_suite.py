"""Runs a package's own tests with the package traced: `python traced_suite.py PACKAGE LOG [FUNCTION…]`.

Starts in the folder that holds the package and its tests; the named functions stay untraced.
"""

import importlib
import json
import pkgutil
import sys
import types

import pytest

import obs_core


def main(package: str, log: str, *without: str) -> int:
    """Trace `package`, run its tests, print functions with missed calls; returns the exit code of pytest."""
    obs_core.configure(log=log, process=package, spool_mb=256, exit_s=120)
    sys.path.insert(0, ".")
    sys.modules["yaml"] = yaml()
    top = importlib.import_module(package)
    for module in pkgutil.walk_packages(top.__path__, package + "."):
        if not module.name.endswith(("__main__", "mypy_plugin")):
            importlib.import_module(module.name)
    done = obs_core.instrument(top, exclude=tuple(f"{package}.*.{name}" for name in without))
    print(*(f"missed {name}" for name in done.missed), sep="\n")
    return int(pytest.main(["tests", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", "."]))


def yaml() -> types.ModuleType:
    """A stub module for tinydb's test of a YAML storage, which needs dump and load."""
    module = types.ModuleType("yaml")
    vars(module).update(
        add_representer=lambda *_: None, dump=json.dump, safe_load=lambda text: json.loads(text or "null")
    )
    return module


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
