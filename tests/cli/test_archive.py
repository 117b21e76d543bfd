"""`archive seal`, `status` and `verify`."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from obs_core.archive.manifest import Manifest, folder_of
from obs_core.cli.main import main
from tests.support.archives import append, differences, mixed


def test_seal_status_and_verify_describe_the_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = append(tmp_path / "x.db", mixed(400))
    assert main(["archive", "status", "--log", str(path)]) == 0
    assert "Nothing of" in capsys.readouterr().out
    assert main(["archive", "seal", "--log", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "399 of 400 rows (99.8%) are sealed" in out
    assert "sealed: 399 rows" in err
    assert main(["archive", "verify", "--log", str(path)]) == 0
    assert "with 399 rows are as the manifest and the log say" in capsys.readouterr().out


def test_verify_finds_damage_and_repairs_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = append(tmp_path / "x.db", mixed(400))
    main(["archive", "seal", "--log", str(path)])
    with Manifest(folder_of(path)) as manifest:
        flipped, removed = (manifest.folder / manifest.pieces(what)[0].file for what in ("rows", "r_calls"))
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 4
    flipped.write_bytes(content)
    removed.unlink()
    capsys.readouterr()
    assert main(["archive", "verify", "--log", str(path)]) == 1
    out = capsys.readouterr().out
    assert f"{flipped} has another checksum." in out
    assert f"{removed} is missing." in out
    assert main(["archive", "verify", "--repair", "--log", str(path)]) == 0
    assert not differences(path)


def test_verify_finds_another_number_of_rows_and_another_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = append(tmp_path / "x.db", mixed(400))
    main(["archive", "seal", "--log", str(path)])
    with closing(sqlite3.connect(folder_of(path) / "manifest.db")) as connection, connection:
        connection.execute("UPDATE piece SET rows = rows + 1 WHERE what = 'rows' AND id = 1")
    capsys.readouterr()
    assert main(["archive", "verify", "--log", str(path)]) == 1
    assert "The pieces have 400 rows, the log 399 with the ids 1 to 399." in capsys.readouterr().out
    path.unlink()
    append(path, mixed(500, first=9))
    assert main(["archive", "verify", "--log", str(path)]) == 1
    assert "The archive is of another log" in capsys.readouterr().out
    assert main(["archive", "verify", "--repair", "--log", str(path)]) == 0
    assert not differences(path)


def test_errors_of_the_sealer_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["archive", "seal", "--log", str(tmp_path / "none.db")]) == 2
    assert "No trace log at" in capsys.readouterr().err
