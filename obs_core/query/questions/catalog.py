"""Every question by its name, and how the words of a command become its parameters."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Final, Literal, Union, get_args, get_origin

from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import BadParameter
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import facets, functions, inspector, overview, traces, values, versions, writers

_QUESTIONS: Final = (
    *(overview.summary, overview.throughput, overview.recent_errors, overview.groups, overview.processes),
    *(overview.exceptions, overview.restarts),
    *(traces.page, traces.total, traces.tree, traces.children, traces.attributes, traces.row, facets.facets),
    *(functions.performance, functions.history, functions.changes, functions.names, functions.listed),
    functions.courses,
    *(values.streaks, values.history, values.series, values.courses, values.first_seen),
    *(inspector.measures, inspector.callers, inspector.callees, inspector.durations, inspector.rank),
    *(inspector.failures, inspector.recent, inspector.recorded),
    *(versions.ran, versions.compared),
    writers.status,
)
_YES: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Question:
    """A question: its name (room.answer), the function that answers it, and its parameters beside the window."""

    name: str
    function: Callable[..., DataFrame]
    parameters: Mapping[str, inspect.Parameter]

    @property
    def summary(self) -> str:
        """The first line of the question's description."""
        return (self.function.__doc__ or "").partition("\n")[0]

    def answer(self, engine: Engine, window: Window, words: Mapping[str, str]) -> DataFrame:
        """The question's answer, its parameters read from `words`.

        Raises:
            BadParameter: a word is no parameter of it, or not of its type; or one that it needs is missing.
        """
        for name in words:
            if name not in self.parameters:
                raise BadParameter(
                    f"{self.name} takes no parameter “{name[:60]}”.", f"It takes {', '.join(self.parameters)}."
                )
        needed = [name for name, parameter in self.parameters.items() if parameter.default is inspect.Parameter.empty]
        if lacking := [name for name in needed if name not in words]:
            raise BadParameter(f"{self.name} needs {' and '.join(lacking)}.", f"Add {lacking[0]}=….")
        chosen = {name: _read(name, word, self.parameters[name].annotation) for name, word in words.items()}
        return self.function(engine, window, **chosen)


def question(name: str) -> Question:
    """The question of this name.

    Raises:
        BadParameter: there is none.
    """
    if name in QUESTIONS:
        return QUESTIONS[name]
    near = get_close_matches(name, QUESTIONS, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise BadParameter(f"There is no question “{name[:60]}”.", f"{guess}The questions are {', '.join(QUESTIONS)}.")


def _described(function: Callable[..., DataFrame]) -> Question:
    room = function.__module__.rpartition(".")[2]
    _, _, *rest = inspect.signature(function).parameters.values()
    named = {parameter.name: parameter for each in rest for parameter in _spread(each)}
    return Question(f"{room}.{function.__name__}", function, named)


def _spread(parameter: inspect.Parameter) -> list[inspect.Parameter]:
    """The parameter, or those that `**wanted: Unpack[…]` stands for."""
    if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
        return [parameter]
    [listed] = get_args(parameter.annotation)
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(name, keyword, default=False if kind is bool else None, annotation=kind)
        for name, kind in listed.__annotations__.items()
    ]


def _read(name: str, word: str, annotation: object) -> object:
    """`word` as what `annotation` says: a number, yes or no (1 or 0), one of some words, a list by commas, or text."""
    kinds = get_args(annotation) if get_origin(annotation) in (UnionType, Union) else (annotation,)
    kind = next(kind for kind in kinds if kind is not type(None))
    try:
        if kind is bool:
            return _YES[word.lower()]
        if kind in (int, float):
            return kind(word)
    except (ValueError, KeyError) as error:
        wanted = {bool: "1 or 0", int: "a whole number", float: "a number"}[kind]
        raise BadParameter(f"{name}={word[:60]} is not {wanted}.", f"Write {name}= and {wanted}.") from error
    if get_origin(kind) is Literal and word not in get_args(kind):
        raise BadParameter(f"{name} is “{word[:60]}”.", f"It must be one of {', '.join(get_args(kind))}.")
    return tuple(word.split(",")) if get_origin(kind) is tuple else word


QUESTIONS: Final = {found.name: found for found in (_described(asked) for asked in _QUESTIONS)}
"""Every question by its name."""
