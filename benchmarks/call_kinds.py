"""The cost of traced calls of other kinds than `benchmarks.capture calls`, and of a package that makes many of them.

`python -m benchmarks.call_kinds` needs jinja2. Processor time, because other programs may run meanwhile.
"""

import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import obs_core

BURST, ROUNDS = 300, 31
EMPTY: dict[str, int] = {}


class Refused(Exception):
    """What a function raises."""


def refuse(_argument: str) -> None:
    """Raise an exception."""
    raise Refused


def refuse_with_text(_argument: str) -> None:
    """Raise one with a text, because of another one."""
    try:
        EMPTY["x"]
    except KeyError as error:
        raise ValueError("no such key: x") from error


traced_refuse = obs_core.trace(refuse)


def pass_through(argument: str) -> None:
    """Pass an exception on through two traced calls."""
    traced_refuse(argument)


def steps(argument: str) -> Iterator[str]:
    """Yield three times."""
    yield argument
    yield argument
    yield argument


def text(argument: str) -> str:
    """Return a text."""
    return argument


def text_too(argument: str) -> str:
    """The same."""
    return argument


KINDS: dict[str, Callable[[str], object]] = {
    "returns a text": obs_core.trace(text),
    "without its result": obs_core.trace(result=False)(text_too),
    "raises": traced_refuse,
    "raises, with a cause": obs_core.trace(refuse_with_text),
    "passes on what another one raises": obs_core.trace(pass_through),
}


def thread_ns(call: Callable[[str], object]) -> float:
    """The processor time of one call in a burst."""
    began = time.thread_time_ns()
    for _ in range(BURST):
        try:
            call("abc")
        except (Refused, ValueError):
            continue
    return (time.thread_time_ns() - began) / BURST


def kinds() -> None:
    """One traced call of other kinds: the least processor time of its thread in all rounds."""
    traced_steps = obs_core.trace(steps)
    contenders = {**KINDS, "is a generator of three": lambda argument: deque(traced_steps(argument), 0)}
    least = dict.fromkeys(contenders, 1e9)
    for _ in range(ROUNDS):
        for name, call in contenders.items():
            least[name] = min(least[name], thread_ns(call))
        obs_core.flush()
    for name, value in least.items():
        print(f"    {name:<40}{value:>9,.0f} ns")


TEMPLATE = """
{% extends "base.html" %}
{% macro field(name, value="", type="text") %}<input type="{{ type }}" value="{{ value|e }}">{% endmacro %}
{% block body %}<ul>{% for item in items if item.visible %}
<li class="{{ loop.cycle("odd", "even") }}">{{ item.name|upper }}: {{ item.price * 1.2 }}
{% if item.sale %} sale {{ field("x", item.sale) }}{% else %}-{% endif %}</li>{% endfor %}</ul>{% endblock %}
"""


def templates() -> None:
    """Compile a jinja2 template with all of jinja2 traced: processor time of the thread, and of the whole process."""
    try:
        import jinja2  # noqa: PLC0415 - a peer
    except ImportError:
        print("  not installed: jinja2")
        return
    environment = jinja2.Environment(autoescape=True)
    measured: list[tuple[float, float]] = []
    for result in (None, True, False):
        if result is not None:
            obs_core.instrument(jinja2, result=result)
        for _ in range(20):
            environment.compile(TEMPLATE)
        thread, process = [], []
        for _ in range(20):
            began, began_process = time.thread_time(), time.process_time()
            for _ in range(5):
                environment.compile(TEMPLATE)
            thread.append(time.thread_time() - began)
            process.append(time.process_time() - began_process)
        obs_core.flush(60)
        measured.append((min(thread), median(process)))
        obs_core.uninstrument(jinja2)
    (bare, bare_process), (full, full_process), (short, short_process) = measured
    print(f"  {full / bare:.2f} times the time of its thread, {full_process / bare_process:.2f} times of the process")
    print(f"  without results {short / bare:.2f} times, {short_process / bare_process:.2f} times of the process")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        obs_core.configure(log=Path(folder) / "trace.db", process="benchmark", spool_mb=256)
        kinds()
        templates()
        obs_core.configure(drain=False)
