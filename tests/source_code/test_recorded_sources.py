"""The source that is recorded of a function is the one that ran: hashes of two packages' functions, made by others."""

import gzip
import json
import tarfile
from pathlib import Path

import pytest

from obs_core.capture.drain.source_lookup import code_of
from obs_core.capture.spool.frames import CallSite
from obs_core.source_code import highlight, locate

PROGRAMS = Path(__file__).parents[1] / "data" / "pyprog"
LATER = 2**62


@pytest.mark.parametrize(("package", "release", "least"), [("tinydb", "4.9.0", 130), ("sqlparse", "0.6.1", 110)])
def test_sources_and_hashes_are_the_true_ones(package: str, release: str, least: int, tmp_path: Path) -> None:
    with tarfile.open(PROGRAMS / f"{package}-{release}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    truth = json.loads(gzip.decompress((PROGRAMS / f"{package}-tests.json.gz").read_bytes()))["functions"]
    compared = 0
    for function in truth:
        file = tmp_path / f"{package}-{release}" / function["file"]
        if not (function["source_sha256"] and file.is_file()):
            continue  # lambdas and comprehensions have no hash, and the standard library is not in the archive
        code = code_of(
            CallSite("call", function["name"], function["qualname"], str(file), function["firstlineno"]),
            None,
            LATER,
            LATER,
        )
        assert (function["qualname"], code.source_hash) == (function["qualname"], function["source_sha256"])
        result = locate.located(code.file, code.line, code.source, code.source_hash, [tmp_path])
        assert (result.state, result.line) == ("as on disk", function["firstlineno"])
        assert highlight.part(code.source or "", first_line=result.line).first == function["firstlineno"]
        unrecorded = locate.located(code.file, code.line, None, code.source_hash, [tmp_path])
        assert (unrecorded.state, unrecorded.source) == ("read from disk", code.source)
        compared += 1
    assert compared >= least
