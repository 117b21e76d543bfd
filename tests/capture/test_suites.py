"""The real test suites of two packages, traced, compared with the call counts of cProfile and of a plain wrapper.

sqlparse's suite makes 1.7 million calls; the functions that make 19 of 20 are left out unless
OBS_WHOLE_SUITES is set.
"""

import gzip
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from obs_core.store import sqlite

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "tests" / "data" / "pyprog"
HOT: tuple[str, ...] = (
    *("_TokenType.__contains__", "imt", "Token.match", "Token.__init__"),
    *("consume", "StatementSplitter._change_splitlevel", "Lexer.is_keyword", "TokenList.__iter__"),
    *("TokenList._token_matching", "_group", "TokenList.token_next_by", "TokenList.get_sublists"),
)
if os.environ.get("OBS_WHOLE_SUITES"):
    HOT = ()
# these recurse until the stack is full, which is earlier under pytest (Token.match: 7 of 155,216 calls)
DEEP = ("_group_matching", "TokenList.__iter__", "Token.match")
# these two measure durations, which tracing makes longer
TIMED = {"test_nested_paren_within_cap_under_1s", "test_nested_case_within_cap_under_1s"}


def suite(package: str, release: str, folder: Path) -> tuple[Path, str]:
    """Run the suite of `package` traced; its log, and the output of pytest."""
    with tarfile.open(PROGRAMS / f"{package}-{release}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    log = folder / "trace.db"
    command = [sys.executable, str(Path(__file__).with_name("traced_suite.py")), package, str(log), *HOT]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(
        command, cwd=folder / f"{package}-{release}", env=environment, capture_output=True, text=True, check=False
    )
    return log, done.stdout


@pytest.mark.parametrize(("package", "release"), [("tinydb", "4.9.0"), ("sqlparse", "0.6.1")])
def test_a_traced_suite_passes_and_has_the_true_counts(package: str, release: str, tmp_path: Path) -> None:
    log, printed = suite(package, release, tmp_path)
    failed = {line.rpartition("::")[2].split(" ")[0] for line in printed.splitlines() if line.startswith("FAILED")}
    assert " passed" in printed, printed
    assert failed <= TIMED, printed
    sql = (
        "SELECT code.file, code.line, count(*), sum(status = 'ERROR') FROM data_trace JOIN code ON code.id = code_id "
        "WHERE kind = 'call' GROUP BY 1, 2"
    )
    connection = sqlite.connect(log)
    try:
        rows = connection.execute(sql).fetchall()
    finally:
        connection.close()
    root = f"{tmp_path / package}-{release}/"
    recorded = {(file.removeprefix(root), line): (calls, errors) for file, line, calls, errors in rows}
    truth = json.loads(gzip.decompress((PROGRAMS / f"{package}-tests.json.gz").read_bytes()))["functions"]
    expected = {
        (function["file"], function["firstlineno"]): (function["wrapper_calls"], sum(function["exceptions"].values()))
        for function in truth
        if function["stable"]
        and function["wrapper_calls"]
        and function["qualname"] not in HOT + DEEP
        and function["def_line"]  # not a function made at run time
        and "<locals>" not in function["qualname"]
    }
    assert len(expected) > 90
    # the reference has no exceptions of generators: they are raised after the call
    generators = {(function["file"], function["firstlineno"]) for function in truth if function["kind"] == "generator"}
    counted = {key: (calls, 0 if key in generators else errors) for key, (calls, errors) in recorded.items()}
    assert {key: counted.get(key) for key in expected if counted.get(key) != expected[key]} == {}
