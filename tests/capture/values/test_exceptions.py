"""The texts of exceptions are bounded before they are made."""

import logging
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from obs_core.capture.drain.row_builder import traceback_text
from obs_core.capture.logging import Handler
from obs_core.capture.values.exceptions import exception_chain, type_and_message
from tests.capture.conftest import Select

LONG = "x" * 50_000_000


class Named(str): ...  # noqa: SLOT000 - with a __dict__


class Asked(Exception):
    def __str__(self) -> str:
        """A text that is as long as the argument."""
        return f"asked for {self.args[0]}"


def peak_of(made: Callable[[], object]) -> int:
    """The most bytes that were allocated meanwhile."""
    tracemalloc.start()
    try:
        made()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "error",
    [
        ValueError(LONG),
        ValueError(Named(LONG)),
        ValueError(LONG, 1),
        ValueError([LONG]),
        ValueError({"a": [LONG]}),
        KeyError(LONG),
        OSError(2, LONG),
        UnicodeDecodeError("utf-8", LONG.encode(), 0, 1, "bad"),
        Asked(LONG),
        ValueError(list(range(1_000_000))),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_long_argument_is_cut_before_the_text_is_made(error: Exception) -> None:
    texts: list[str] = []
    assert peak_of(lambda: texts.append(type_and_message(error))) < 1_000_000
    assert texts[0].startswith(type(error).__name__)
    assert len(texts[0]) < 5_000


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError(), "ValueError"),
        (ValueError("a"), "ValueError: a"),
        (ValueError("a", 1), "ValueError: ('a', 1)"),
        (ValueError([1, {"a": 2}]), "ValueError: [1, {'a': 2}]"),
        (KeyError("a"), "KeyError: 'a'"),
        (OSError(2, "No such file", "f"), "OSError: [Errno 2] No such file: 'f'"),
        (RuntimeError(ValueError("a")), "RuntimeError: a"),
        (Asked("a"), "Asked: asked for a"),
    ],
)
def test_a_short_exception_has_its_own_text(error: Exception, text: str) -> None:
    shown = "FileNotFoundError" + text.removeprefix("OSError") if isinstance(error, FileNotFoundError) else text
    assert type_and_message(error) == shown


def test_a_long_line_of_source_code_is_cut_in_a_stack(tmp_path: Path) -> None:
    file = tmp_path / "long.py"
    file.write_text("x = 1; " * 100_000 + "1 / 0", encoding="utf-8")
    with pytest.raises(ZeroDivisionError) as raised:
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"))  # noqa: S102 - a stack of this file
    assert len(traceback_text(exception_chain(raised.value))) < 2_000


@pytest.mark.parametrize("formatter", [None, logging.Formatter("%(levelname)s %(message)s")])
def test_a_long_message_is_cut_before_it_is_made(select: Select, formatter: logging.Formatter | None) -> None:
    logger = logging.Logger("long")  # noqa: LOG001 - no logger of this process
    handler = Handler()
    handler.setFormatter(formatter)
    logger.addHandler(handler)

    def fail() -> None:
        try:
            raise ValueError(LONG)
        except ValueError:
            logger.exception("got %s", LONG)

    assert peak_of(fail) < 5_000_000
    ((text, exception),) = select("data_value, exception")
    assert "got xxx" in text
    assert len(text) <= 4096
    assert exception.startswith("ValueError: xxx")
