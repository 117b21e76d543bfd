"""A pytest plugin for Django's own tests: settings and URLs as its `runtests.py` has them, without a database."""

import os
import sys
import tempfile
import warnings
from pathlib import Path


def pytest_configure() -> None:
    """Set Django up in the folder of its tests, where pytest starts."""
    sys.path.insert(0, str(Path.cwd() / "tests"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "test_sqlite")
    with warnings.catch_warnings():
        import runtests  # type: ignore[import-not-found]  # noqa: PLC0415

        runtests.setup_collect_tests(None, None, ["utils_tests"])
    os.environ["TMPDIR"] = runtests.TMPDIR
    tempfile.tempdir = None
