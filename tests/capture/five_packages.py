"""Real work of five packages, to compare the calls that `sys.setprofile` sees with those that are recorded.

`python five_packages.py profile` prints [file, line, name, calls] of each function of the packages; `trace` does the
same work with the packages under `instrument`, and prints the callables that are missed.
"""

import asyncio
import dis
import gc
import importlib
import inspect
import json
import pkgutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import CodeType, FrameType, FunctionType
from typing import Any

import obs_core

PACKAGES = "jinja2", "markdown_it", "dateutil", "sqlparse", "packaging"
LEFT_OUT = ".tests.", "__main__", ".cli.", ".tz.win", "tzwin", "port.plugins"
RESUME = dis.opmap["RESUME"]
TEXT = "# Title\n\n- *one*\n- `two`\n\n> three <b>four</b>\n\n| a | b |\n|---|---|\n| 1 | [x](y) |\n\n```py\nz\n```\n"
PAGE = """{% macro cell(x, width=3) %}{{ x|string|center(width) }}{% endmacro %}
{% for row in rows if row %}{{ loop.index }}{% for x in row recursive %}{{ cell(x) }}{% endfor %}{% else %}-{% endfor %}
{{ rows|map('length')|sum }} {{ rows|select|groupby(0)|list|length }} {{ missing|default('x') }}
{{ rows|batch(2)|list }}"""
SQL = "select a, case when b then 1 else (select max(c) from t) end as d from u join v on u.i = v.i where x in (1, 2)"


def modules() -> None:
    """Import all modules of the packages."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not any(part in f"{module.name}." for part in LEFT_OUT):
                importlib.import_module(module.name)


def work() -> None:
    """Render, parse, format: functions, methods, properties, generators, coroutines, caches, exceptions."""
    jinja2, markdown_it, dateutil, sqlparse, packaging = map(importlib.import_module, PACKAGES)
    rows = [[1, 2], [], [3, "<a>"]]
    pages = {
        "page": PAGE,
        "child": "{% extends 'base' %}{% block b %}{{ super() }}{% endblock %}",
        "base": "{% block b %}{% endblock %}",
    }
    for kind in (jinja2.Environment, jinja2.sandbox.SandboxedEnvironment):
        environment = kind(loader=jinja2.DictLoader(pages), autoescape=True)
        for name in pages:
            environment.get_template(name).render(rows=rows)
            list(environment.get_template(name).generate(rows=rows))
        for broken in ("{% if %}", "{{ a.b.c }}", "{{ 'x'|nothing }}"):
            with suppress(jinja2.TemplateError):
                environment.from_string(broken).render()
    asynchronous = jinja2.Environment(loader=jinja2.DictLoader(pages), enable_async=True)
    asyncio.run(asynchronous.get_template("page").render_async(rows=rows))
    for preset in ("commonmark", "js-default", "zero"):
        markdown_it.MarkdownIt(preset).enable("table" if preset != "zero" else []).render(TEXT)
    start = dateutil.parser.parse("Thu 25 Sep 2003 10:36:28 -0300")
    list(dateutil.rrule.rrulestr("FREQ=MONTHLY;BYDAY=-1FR;COUNT=20", dtstart=start))
    dateutil.relativedelta.relativedelta(start, dateutil.parser.isoparse("2001-02-03T04:05:06Z"))
    zone = dateutil.tz.tzstr("EST5EDT,M3.2.0,M11.1.0")
    [start.astimezone(zone).utcoffset() for _ in range(3)]
    with suppress(ValueError):
        dateutil.parser.parse("not a date")
    for statement in (SQL, "create table t (a int); insert into t values (1)"):
        sqlparse.format(statement, reindent=True, keyword_case="upper", strip_comments=True)
        [list(parsed.flatten()) for parsed in sqlparse.parse(statement)]
    for text in ("requests[security]>=2.8.1,==2.8.*;python_version<'2.7'", "a @ https://x/y", "a>>b"):
        with suppress(packaging.requirements.InvalidRequirement):
            str(packaging.requirements.Requirement(text))
    list(packaging.specifiers.SpecifierSet(">=1,!=1.5,~=1.4").filter(["1.4", "1.5", "1.6rc1", "2"]))
    list(packaging.tags.sys_tags())


def counted(function: Callable[[], None]) -> Counter[CodeType]:
    """How often each code object started while `function` ran; a generator starts at its first step."""
    starts: Counter[CodeType] = Counter()

    def event(frame: FrameType, kind: str, _argument: object) -> None:
        code = frame.f_code
        at = code.co_code[frame.f_lasti :]
        if kind == "call" and at[0] == RESUME and not at[1] & 3:  # the start, not a step after a yield
            starts[code] += 1

    sys.setprofile(event)
    try:
        function()
    finally:
        sys.setprofile(None)
    return starts


def of_packages(starts: Counter[CodeType]) -> Iterator[tuple[Any, ...]]:
    """(file, line, name, starts) of the functions that have a name in a module or class of the packages.

    Without functions below a decorator with `functools.wraps`: their rows are the calls of the decorated one.
    """
    functions = [item for item in gc.get_objects() if type(item) is FunctionType]
    wrapped = {getattr(item.__dict__.get("__wrapped__"), "__code__", None) for item in functions}
    for code, count in starts.items():
        inside = any(f"/{name}/" in code.co_filename for name in PACKAGES)
        is_function = code.co_flags & inspect.CO_OPTIMIZED  # not the body of a class or module
        if inside and is_function and "<" not in code.co_qualname and code not in wrapped:
            yield code.co_filename, code.co_firstlineno, code.co_qualname, count


def main(mode: str) -> None:
    """Do the work in one of the two ways."""
    modules()
    if mode == "trace":
        print(json.dumps([missed for name in PACKAGES for missed in obs_core.instrument(name).missed]))
        work()
    else:
        print(json.dumps(sorted(of_packages(counted(work)))))


if __name__ == "__main__":
    main(sys.argv[1])
