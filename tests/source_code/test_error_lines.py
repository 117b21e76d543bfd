"""Where exceptions were raised: the function's own line, counted by type."""

from obs_core.source_code.error_lines import kind_of, raised_lines

STACK = """Traceback (most recent call last):
  File "/app/main.py", line 3, in run
    load()
  File "/app/feed.py", line {line}, in load
    return parse(text)
  File "/lib/json.py", line 90, in parse
    raise ValueError(text)
ValueError: no number
"""


def stack(line: int) -> str:
    return STACK.format(line=line)


def test_the_line_at_which_the_function_stopped_is_marked_with_a_count() -> None:
    raised = [("ValueError: a", stack(12)), ("ValueError: b", stack(12)), ("OSError: c", stack(14))]
    assert raised_lines(raised, "/app/feed.py", 10, 20) == {12: "ValueError, 2 times", 14: "OSError"}


def test_lines_of_other_functions_and_files_are_not() -> None:
    assert raised_lines([("ValueError", stack(12))], "/app/feed.py", 13, 20) == {}
    assert raised_lines([("ValueError", stack(12))], "/other/feed.py", 10, 20) == {}


def test_of_a_function_that_calls_itself_the_innermost_line_counts() -> None:
    twice = stack(12) + '  File "/app/feed.py", line 16, in load\n'
    assert raised_lines([("RecursionError: deep", twice)], "/app/feed.py", 10, 20) == {16: "RecursionError"}


def test_a_call_without_a_stack_marks_nothing() -> None:
    assert raised_lines([("ValueError", None), (None, ""), (None, 'File "x", line 99999999999, in y')], "x", 1, 9) == {}


def test_the_type_of_an_exception_is_the_part_before_the_message() -> None:
    assert kind_of("pkg.Error: a: b") == "pkg.Error"
    assert kind_of("KeyboardInterrupt") == "KeyboardInterrupt"
    assert kind_of(None) == kind_of(" : x") == "error"
