"""Where source comes from: the log first, the file only under a root and with the hash that fits."""

import os
from pathlib import Path

import pytest

from obs_core.source_code import locate
from obs_core.source_code.locate import digest, located

LOAD = "def load(path):\n    return open(path).read()\n"
FILE = f"import os\n\n\n{LOAD}\n\ndef save(path):\n    pass\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "feed.py").write_text(FILE, "utf-8")
    return folder


def test_the_recorded_source_is_shown_and_held_against_the_file(root: Path) -> None:
    result = located(str(root / "feed.py"), 4, LOAD, digest(LOAD), [root])
    assert result.source == LOAD
    assert (result.line, result.state) == (4, "as on disk")


def test_an_edited_file_does_not_change_what_ran(root: Path) -> None:
    (root / "feed.py").write_text(FILE.replace("read()", "read().strip()"), "utf-8")
    result = located(str(root / "feed.py"), 4, LOAD, digest(LOAD), [root])
    assert result.source == LOAD
    assert result.state == "changed on disk since"


def test_a_function_that_only_moved_says_where_it_is_now(root: Path) -> None:
    (root / "feed.py").write_text(f"# one more line\n{FILE}", "utf-8")
    result = located(str(root / "feed.py"), 4, LOAD, digest(LOAD), [root])
    assert result.state == "moved"
    assert "line 5" in result.sentence


def test_a_deleted_file_is_said(root: Path) -> None:
    (root / "feed.py").unlink()
    result = located(str(root / "feed.py"), 4, LOAD, digest(LOAD), [root])
    assert result.source == LOAD
    assert result.state == "file is gone"


def test_a_file_outside_the_roots_is_not_even_compared(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "other.py"
    outside.write_text(FILE, "utf-8")
    result = located(str(outside), 4, LOAD, digest(LOAD), [root])
    assert result.source == LOAD
    assert result.state == "recorded"
    assert "outside" in result.sentence


def test_a_source_that_was_not_recorded_is_read_if_its_hash_fits(root: Path) -> None:
    result = located(str(root / "feed.py"), 4, None, digest(LOAD), [root])
    assert result.source == LOAD
    assert result.state == "read from disk"


@pytest.mark.parametrize("source_hash", ["", digest("def load(path):\n    return 1\n")])
def test_a_source_with_another_hash_is_not_shown(root: Path, source_hash: str) -> None:
    result = located(str(root / "feed.py"), 4, None, source_hash, [root])
    assert result.source is None
    assert result.state == "not recorded"


def test_a_span_without_code_gets_a_sentence() -> None:
    result = located(None, None, None, "", [])
    assert result.source is None
    assert "No recorded source" in result.sentence


@pytest.mark.parametrize("path", ["../secret.py", "link.py", "sub/../../secret.py"])
def test_no_way_leads_out_of_the_roots(root: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.py").write_text(LOAD, "utf-8")
    (root / "link.py").symlink_to(tmp_path / "secret.py")
    (root / "sub").mkdir()
    result = located(str(root / path), 1, None, digest(LOAD), [root])
    assert result.source is None


@pytest.mark.parametrize("file", ["", "\0", "a" * 5_000, "<string>", "<frozen importlib>"])
def test_what_is_no_path_is_no_file(root: Path, file: str) -> None:
    assert located(file, 1, None, digest(LOAD), [root]).source is None
    assert located(file, 1, LOAD, digest(LOAD), [root]).source == LOAD


def test_a_pipe_or_a_folder_is_never_read(root: Path) -> None:
    os.mkfifo(root / "pipe.py")
    assert located(str(root / "pipe.py"), 1, None, digest(LOAD), [root]).source is None
    assert located(str(root), 1, None, digest(LOAD), [root]).source is None


def test_an_enormous_file_is_not_read(root: Path) -> None:
    with (root / "feed.py").open("ab") as file:
        file.truncate(locate.LARGEST_FILE + 1)
    assert located(str(root / "feed.py"), 4, LOAD, digest(LOAD), [root]).state == "recorded"


def test_files_in_other_encodings_are_read_as_they_declare(root: Path) -> None:
    text = "# coding: latin-1\ndef grüße():\n    return 'ß'\n"
    (root / "old.py").write_bytes(text.encode("latin-1"))
    block = "def grüße():\n    return 'ß'\n"
    assert located(str(root / "old.py"), 2, block, digest(block), [root]).state == "as on disk"


def test_a_file_that_is_no_utf_8_does_no_harm(root: Path) -> None:
    (root / "bad.py").write_bytes(b"def load(path):\n    return '\xff\xfe'\n")
    assert located(str(root / "bad.py"), 1, LOAD, digest(LOAD), [root]).state == "changed on disk since"


def test_a_block_that_is_no_python_is_no_source(root: Path) -> None:
    (root / "bad.py").write_text("def load(:\n  '''\n", "utf-8")
    assert located(str(root / "bad.py"), 1, None, digest(LOAD), [root]).source is None
    assert located(str(root / "bad.py"), 900, None, digest(LOAD), [root]).source is None


def test_what_was_made_at_run_time_says_so(root: Path) -> None:
    result = locate.located("<template>", 1, None, "", [root])
    assert (result.state, result.source) == ("not recorded", None)
    assert "created at run time" in result.sentence


def test_a_secret_in_the_file_is_not_shown_and_does_not_make_it_look_changed(root: Path) -> None:
    ran = 'def load(path):\n    token = "s3cr3t-of-ours"\n    return open(path).read() + token\n'
    stored = ran.replace("s3cr3t-of-ours", "[redacted]")
    (root / "feed.py").write_text(FILE.replace(LOAD, ran), "utf-8")
    recorded = located(str(root / "feed.py"), 4, stored, digest(ran), [root])
    assert (recorded.source, recorded.state) == (stored, "as on disk")
    unrecorded = located(str(root / "feed.py"), 4, None, digest(ran), [root])
    assert (unrecorded.source, unrecorded.state) == (stored, "read from disk")
