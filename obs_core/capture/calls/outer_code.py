"""Code that runs around a function's own code and has its signature, so that a traced function stays the same object.

Only `function.__code__` is replaced. The identity of the function, its defaults, closure, attributes, and all tables,
registries and names that hold it are its own. The new code has the parameters, file, line, name and flags of the
function's own code, and one constant of ours: the `TracedFunction` that it works with. It uses no global name, because
those are the program's. It is compiled once for each code object. Parameters by position and name are faster than
`*args, **kwargs`.

The function's own code is a constant, too, and each call makes a function of it (60 ns): a function that is kept there
would never be freed. It refers to its globals and closure, and the garbage collector does not look into code objects.
"""

import keyword
from types import CodeType
from typing import Any, Final

from obs_core.capture.calls import fast_templates, templates
from obs_core.capture.calls.hidden_frame import hidden, passed_over

GENERATOR: Final = 0x20  # inspect.CO_GENERATOR; inspect itself costs a traced program 5 ms
COROUTINE: Final = 0x80
ITERABLE_COROUTINE: Final = 0x100  # types.coroutine
ASYNC_GENERATOR: Final = 0x200
_KINDS: Final = GENERATOR | COROUTINE | ITERABLE_COROUTINE | ASYNC_GENERATOR
_STEPS: Final = {
    GENERATOR: templates.GENERATOR,
    COROUTINE: templates.COROUTINE,
    ASYNC_GENERATOR: templates.ASYNC_GENERATOR,
}
_VARARGS: Final = 0x04
_VARKEYWORDS: Final = 0x08
_CONSTANT: Final = "\0obs_core traced function"
_MOST_CODES: Final = 20_000
_PREFIX: Final = "_obs"
_NO_COLUMNS: Final = 0x80 | 13 << 3

_compiled: Final[dict[tuple[CodeType, bool], CodeType | None]] = {}


def outer_code(own: CodeType, traced: object, *, fast: bool) -> CodeType | None:
    """The code that replaces `own` and works with `traced`; None if there can't be one. `fast`: see `is_fast`."""
    key = own, fast
    if key not in _compiled:
        if len(_compiled) >= _MOST_CODES:
            _compiled.clear()
        _compiled[key] = _template(own, fast=fast)
    template = _compiled[key]
    if template is None:
        return None
    constants = (traced if item == _CONSTANT else item for item in template.co_consts)
    return template.replace(co_consts=tuple(constants))


def own_code(outer: CodeType) -> CodeType:
    """The function's own code, from the code that replaces it."""
    return _nested(outer)


def _template(own: CodeType, *, fast: bool) -> CodeType | None:
    flags = own.co_flags
    body = fast_templates.FAST if fast else templates.OPTIONS
    for flag, steps in _STEPS.items():
        if flags & flag:
            body = fast_templates.FAST_GENERATOR if fast and flag == GENERATOR else steps
    names = _Parameters(own)
    if not names.are_usable:
        return None
    body = body.format(
        constant=_CONSTANT,
        call=names.call,
        arguments=names.as_dict,
        clear=names.clear,
        free=", ".join(own.co_freevars) or "pass",
    )
    return _compile(own, f"def own({names.signature}):{body}")


class _Parameters:
    """The parameters of a code object as source text."""

    def __init__(self, own: CodeType) -> None:
        count, keywords = own.co_argcount, own.co_kwonlyargcount
        names = list(own.co_varnames)
        positional, keyword_only, rest = names[:count], names[count : count + keywords], names[count + keywords :]
        star = f"*{rest.pop(0)}" if own.co_flags & _VARARGS else ""
        stars = f"**{rest.pop(0)}" if own.co_flags & _VARKEYWORDS else ""
        only = own.co_posonlyargcount
        parts = [*positional[:only], "/", *positional[only:]] if only else positional
        self.signature = ", ".join(filter(None, [*parts, star or ("*" if keyword_only else ""), *keyword_only, stars]))
        self.call = ", ".join(filter(None, [*positional, star, *(f"{name}={name}" for name in keyword_only), stars]))
        used = [*positional, star.strip("*"), *keyword_only, stars.strip("*")]
        used = [name for name in used if name]
        self.clear = " = ".join([*used, "None"]) if used else "pass"
        self.as_dict = "{" + ", ".join(f"{name!r}: {name}" for name in used) + "}"
        self.are_usable = all(
            name.isidentifier() and not keyword.iskeyword(name) and not name.startswith(_PREFIX)
            for name in [*used, *own.co_freevars]
        )


def _compile(own: CodeType, function: str) -> CodeType | None:
    """The code of `function` with the free variables of `own`, at the first line of `own`."""
    if own.co_freevars:
        lines = "".join(f"    {line}\n" for line in function.splitlines())
        function = f"def scope():\n    {' = '.join(own.co_freevars)} = None\n{lines}"
    code = compile(function, own.co_filename, "exec", dont_inherit=True)
    while code.co_name != "own":
        code = _nested(code)
    code = hidden(code, function)
    if not code.co_freevars == _nested(code).co_freevars == own.co_freevars:
        return None
    constants = (_constant(item, own) for item in code.co_consts)
    return code.replace(
        co_consts=tuple(constants),
        co_names=code.co_names + own.co_names,  # inspect reads the names of globals there
        co_name=own.co_name,
        co_qualname=own.co_qualname,
        co_firstlineno=own.co_firstlineno,
        co_linetable=_first_line(len(code.co_code) // 2),
        co_flags=code.co_flags | (own.co_flags & _KINDS),
    )


def _constant(item: Any, own: CodeType) -> Any:  # noqa: ANN401 - any constant
    """A constant of the code around `own`; the second code object is that of the generator around its steps."""
    if type(item) is not CodeType:
        return item
    if item.co_name == "_obs_function":
        return own
    return item.replace(
        co_name=own.co_name,
        co_qualname=own.co_qualname,
        co_filename=passed_over(own.co_filename),
        co_firstlineno=own.co_firstlineno,
        co_linetable=_first_line(len(item.co_code) // 2),
        co_flags=item.co_flags | (own.co_flags & ITERABLE_COROUTINE),
    )


def _nested(code: CodeType) -> CodeType:
    return next(item for item in code.co_consts if type(item) is CodeType)


def _first_line(units: int) -> bytes:
    """A location table that puts all instructions on the first line (CPython's Objects/locations.md, code 13)."""
    return b"".join(bytes((_NO_COLUMNS | min(units - at, 8) - 1, 0)) for at in range(0, units, 8))
