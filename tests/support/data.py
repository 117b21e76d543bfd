"""The recorded data under tests/data, unpacked when a test asks for it."""

import atexit
import csv
import gzip
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"


def trace_file(set_name: str, name: str) -> Path:
    """The file `name` of a set of traces, such as ("trainticket-1min", "spans.csv")."""
    return _unpacked(f"traces/{set_name}/{name}")


def trace_files(set_name: str, folder: str) -> list[Path]:
    """The files of a folder of a set of traces, such as ("trainticket-1min", "otlp_json"), by name."""
    names = sorted(file.name.removesuffix(".gz") for file in (DATA / "traces" / set_name / folder).glob("*.gz"))
    return [trace_file(set_name, f"{folder}/{name}") for name in names]


def series_file(name: str) -> Path:
    """The file `name` of the series, such as dev_tide_gauge.csv."""
    return _unpacked(f"series/{name}")


def reference(set_name: str, name: str) -> Any:  # noqa: ANN401 - whatever the reference holds
    """The reference answer `name` of a set of traces: the rows of a CSV file as dicts, or what a JSON file holds."""
    return content(trace_file(set_name, f"ref/{name}"))


def content(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """The rows of a CSV file as dicts, or what a JSON file holds."""
    text = path.read_text("utf-8")
    return json.loads(text) if path.suffix == ".json" else list(csv.DictReader(text.splitlines()))


@cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="obs-test-data-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@cache
def _unpacked(name: str) -> Path:
    target = _folder() / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.decompress((DATA / f"{name}.gz").read_bytes()))
    return target
