"""`ask`: questions from the shell."""

import csv
import io
import json
from pathlib import Path

import pytest

from obs_core.cli.main import main
from obs_core.clock import SECOND
from obs_core.model import Row
from obs_core.query.questions import catalog
from obs_core.store import log as store
from tests.support import data, table

START = table.START_NS


def output_of(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What the command prints; its errors go to the error output. The time limit leaves room for a busy machine."""
    limit = () if "--timeout" in arguments or not arguments else ("--timeout", "60")
    assert main(["ask", *arguments, *limit]) == code
    output = capsys.readouterr()
    return output.err if code else output.out


def test_json_has_the_promised_shape(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    seconds  process  data  status  duration_ms
    0        feed     load  OK      -
    1        feed     load  ERROR   -
    """
    arguments = ("overview.summary", "--log", str(log), "--from", "0", "--to", "last", "--format", "json")
    answer = json.loads(output_of(capsys, *arguments))
    assert list(answer) == ["question", "from_ns", "to_ns", "approximate", "truncated", "rows"]
    assert (answer["question"], answer["from_ns"], answer["to_ns"]) == ("overview.summary", 0, START + SECOND + 1)
    assert answer["approximate"] is answer["truncated"] is False
    (row,) = answer["rows"]
    assert (row["calls"], row["error_rate"], row["p50_ms"], row["first_ns"]) == (2, 0.5, None, START)


def test_csv_holds_numbers_with_all_their_digits_and_any_text(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = 'comma, "quote"\nline ünïcode 😀'
    rows = [Row("call", "p", name, START + at, duration_ns=span) for at, span in enumerate((1, 2, 4))]
    table.store(log, rows)
    text = output_of(
        capsys, "functions.performance", "--log", str(log), "--from", "0", "--format", "csv", "--param", "by=data"
    )
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["data"] == name
    assert float(row["mean_ms"]) == 7 / 3 / 1e6
    assert row["memory_mean"] == ""


def test_a_table_is_aligned_and_shortens_what_is_wide(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table.store(log, [Row("call", "p", "x" * 99, START, "red"), Row("call", "p", "a\tb", START, "red")])
    lines = output_of(capsys, "functions.names", "--log", str(log), "--from", "0").splitlines()
    assert lines[0].split() == ["function", "process_group", "calls", "errors", "last_ns"]
    assert [line.split()[0] for line in lines[2:]] == ["a·b", "x" * 59 + "…"]
    assert len({len(line) for line in lines[:3]}) == 1


def test_all_rows_are_printed_unless_a_limit_says_otherwise(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connection = store.open_log(log)
    rows = [Row("value", f"p{at}", "v", START + at, data_value="1") for at in range(10_050)]
    store.append_in_bulk(connection, rows)
    connection.close()
    arguments = ("values.series", "--log", str(log), "--from", "0", "--format", "json")
    whole = json.loads(output_of(capsys, *arguments))
    assert (len(whole["rows"]), whole["truncated"]) == (10_050, False)
    few = json.loads(output_of(capsys, *arguments, "--limit", "2"))
    assert (few["rows"], few["truncated"]) == (whole["rows"][:2], True)
    assert json.loads(output_of(capsys, *arguments, "--limit", "0"))["rows"] == []


def test_a_page_says_where_the_next_one_begins(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    0  feed  a  1  OK
    1  feed  b  2  OK
    """
    arguments = ("traces.page", "--log", str(log), "--from", "0", "--format", "json", "--param", "size=1")
    first = json.loads(output_of(capsys, *arguments))
    assert ([row["Data"] for row in first["rows"]], first["truncated"]) == (["b"], True)
    second = json.loads(output_of(capsys, *arguments, "--param", f"after={first['next']}"))
    assert ([row["Data"] for row in second["rows"]], second["truncated"]) == (["a"], False)
    assert "next" not in second


def test_the_default_window_is_the_last_hour_and_last_is_the_end_of_the_log(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    0     feed  a  1  OK
    7200  feed  b  2  OK
    """
    assert main(["ask", "traces.page", "--log", str(log), "--format", "csv"]) == 0
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 1
    assert (
        "No rows in this window: the log has rows from 2026-01-01T00:00:00.000000000Z to 2026-01-01T02:00:00"
        in output.err
    )
    answer = output_of(
        capsys, "traces.page", "--log", str(log), "--from", "last-1h", "--to", "last", "--format", "json"
    )
    assert [row["Data"] for row in json.loads(answer)["rows"]] == ["b"]


def test_an_empty_log_says_so(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "traces.page", "--log", str(log)]) == 0
    assert "has no rows yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("overview.sumary",), "Unknown question “overview.sumary”. Did you mean overview.summary?"),
        (("overview.summary", "--param", "x=1"), "overview.summary takes no parameter “x”. It takes group, exact."),
        (("overview.summary", "--param", "group"), "--param group has no value."),
        (("overview.summary", "--from", "soon"), "“soon” is not a time."),
        (("overview.summary", "--from", "now", "--to", "0"), "The window ends before it starts."),
        (("overview.summary", "--limit", "-1"), "--limit is -1."),
        (("traces.page", "--param", "sort=x"), "sort is “x”. It must be one of time, -time, duration"),
    ],
)
def test_errors_that_the_user_can_fix_are_one_sentence_and_exit_code_2(
    log: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    output = output_of(capsys, *arguments, "--log", str(log), code=2)
    assert output.startswith(sentence)
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize(("alias", "name"), catalog.ALIASES.items())
def test_former_names_of_questions_answer_under_their_new_name(
    log: Path, capsys: pytest.CaptureFixture[str], alias: str, name: str
) -> None:
    """
    0  feed  a  1  OK
    """
    required = {"function": "a", "older": "x", "newer": "y", "processes": "feed", "names": "a"}
    parameters = catalog.QUESTIONS[name].parameters
    given = [f"--param={key}={required[key]}" for key, value in parameters.items() if value.default is value.empty]
    options = ("--log", str(log), "--from", "0", "--to", "last", "--format", "json", *given)
    answer = json.loads(output_of(capsys, alias, *options))
    assert answer == json.loads(output_of(capsys, name, *options))
    assert answer["question"] == name


@pytest.mark.parametrize("content", [None, b"", b"not a database", b"SQLite format 3\0" + b"\0" * 4096])
def test_a_file_that_is_not_a_log_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    path = tmp_path / "some.db"
    if content is not None:
        path.write_bytes(content)
    for question in ("overview.summary", "traces.page"):
        output = output_of(capsys, question, "--log", str(path), code=2)
        assert str(path) in output
        assert len(output.splitlines()) == 1
    assert path.exists() == (content is not None)


def test_traces_imported_twice_are_answered_like_the_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "x.db")
    files = [str(file) for file in data.trace_files("trainticket-1min", "otlp_json")]
    arguments = (
        "functions.performance",
        "--param",
        "by=data",
        "--log",
        path,
        "--from",
        "0",
        "--to",
        "now",
        "--format",
        "csv",
    )
    answers = []
    for _ in range(2):
        assert main(["import", *files, "--log", path]) == 0
        capsys.readouterr()
        answers.append(output_of(capsys, *arguments))
    assert answers[0] == answers[1]
    answer = list(csv.DictReader(io.StringIO(answers[0])))
    expected = data.reference("trainticket-1min", "per_group_operation.csv")
    same = {
        "process_group": "process_group",
        "data": "operation",
        "calls": "count",
        "errors": "errors",
        "timed": "timed",
    }
    assert [[row[name] for name in same] for row in answer] == [
        [ref[name] for name in same.values()] for ref in expected
    ]
    for name, theirs in {
        "mean_ms": "mean_ms",
        "p95_ms": "p95_ms",
        "max_ms": "max_ms",
        "self_ms": "self_ms_sum",
    }.items():
        mine = [float(row[name]) for row in answer]
        assert mine == pytest.approx([float(ref[theirs]) for ref in expected], abs=5.001e-7)
