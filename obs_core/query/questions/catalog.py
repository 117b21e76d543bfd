"""Every question by its name, and how text from a command line becomes its parameters.

Nothing is registered by hand: a question is a public function of a module of this package, and is called by the names
of both, as in `overview.summary`. An underscore at the end of a name (`list_`) is left out.
"""

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import BadParameter
from obs_core.query import questions
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.row_filter import ALL_ROWS, FIELDS, RowFilter, gathered

ALIASES: Final = {
    "functions.courses": "functions.trends",
    "functions.listed": "functions.list",
    "inspector.recorded": "inspector.recorded_values",
    "values.courses": "values.trends",
    "versions.compared": "versions.compare",
    "versions.ran": "versions.list",
}
"""Names that questions had before, and the names they have now."""

_BOOLEANS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Question:
    """A question: its name (`subject.question`), its function, and the parameters after engine and window."""

    name: str
    function: Callable[..., DataFrame]
    parameters: Mapping[str, inspect.Parameter]

    @property
    def summary(self) -> str:
        """The first line of the question's description."""
        return (self.function.__doc__ or "").partition("\n")[0]

    def answer(self, engine: Engine, window: Window, texts: Mapping[str, str]) -> DataFrame:
        """The question's answer; its parameters are read from `texts`.

        Raises:
            BadParameter: as `arguments`.
        """
        return self.function(engine, window, **self.arguments(texts))

    def arguments(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """The keyword arguments of the question's function, read from `texts`.

        Raises:
            BadParameter: the question has no such parameter, its text has the wrong type, or a required one is missing.
        """
        for name in texts:
            if name not in self.parameters:
                raise BadParameter(
                    f"{self.name} takes no parameter “{name[:60]}”.", f"It takes {', '.join(self.parameters)}."
                )
        required = [name for name, parameter in self.parameters.items() if parameter.default is inspect.Parameter.empty]
        if missing := [name for name in required if name not in texts]:
            raise BadParameter(f"{self.name} needs {' and '.join(missing)}.", f"Add {missing[0]}=….")
        values = {name: _parsed(name, text, self.parameters[name].annotation) for name, text in texts.items()}
        has_filter = "row_filter" in inspect.signature(self.function).parameters
        return gathered(values) if has_filter else values


def question(name: str) -> Question:
    """The question of this name or alias.

    Raises:
        BadParameter: no question has it.
    """
    name = ALIASES.get(name, name)
    if name in QUESTIONS:
        return QUESTIONS[name]
    near = get_close_matches(name, QUESTIONS, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise BadParameter(f"Unknown question “{name[:60]}”.", f"{guess}The questions are {', '.join(QUESTIONS)}.")


def _discovered() -> Iterator[Question]:
    """Every question of the package, by subject, in the order of its module."""
    for subject in pkgutil.iter_modules(questions.__path__):
        module = f"{questions.__name__}.{subject.name}"
        if module == __name__:
            continue
        for name, function in vars(import_module(module)).items():
            if inspect.isfunction(function) and function.__module__ == module and not name.startswith("_"):
                yield Question(f"{subject.name}.{name.removesuffix('_')}", function, _parameters(function))


def _parameters(function: Callable[..., DataFrame]) -> dict[str, inspect.Parameter]:
    """What a question takes after the engine and the window."""
    _, _, *rest = inspect.signature(function).parameters.values()
    return {parameter.name: parameter for declared in rest for parameter in _spread(declared)}


def _spread(parameter: inspect.Parameter) -> list[inspect.Parameter]:
    """The parameter; for a row filter, one parameter for each of its fields."""
    if parameter.annotation is not RowFilter:
        return [parameter]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(name, keyword, default=getattr(ALL_ROWS, name), annotation=part.type)
        for name, part in FIELDS.items()
    ]


def _parsed(name: str, text: str, annotation: object) -> object:
    """`text` as the type of the annotation: number, boolean (1 or 0), literal, tuple (by commas) or text."""
    kinds = get_args(annotation) if get_origin(annotation) in (UnionType, Union) else (annotation,)
    kind = next(kind for kind in kinds if kind is not type(None))
    try:
        if kind is bool:
            return _BOOLEANS[text.lower()]
        if kind in (int, float):
            return kind(text)
    except (ValueError, KeyError) as error:
        expected = {bool: "1 or 0", int: "a whole number", float: "a number"}[kind]
        raise BadParameter(f"{name}={text[:60]} is not {expected}.", f"Write {name}= and {expected}.") from error
    if get_origin(kind) is Literal and text not in get_args(kind):
        raise BadParameter(f"{name} is “{text[:60]}”.", f"It must be one of {', '.join(get_args(kind))}.")
    return tuple(text.split(",")) if get_origin(kind) is tuple else text


QUESTIONS: Final = {question.name: question for question in _discovered()}
"""Every question by its name, without the aliases."""
