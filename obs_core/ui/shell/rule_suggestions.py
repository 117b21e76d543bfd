"""“Make a rule from this”: rules that fit what a panel shows, each a link that fills the builder.

An suggestion takes its kind, its scope and its limit from what is shown; the builder is where it is tried and changed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import streamlit as st

from obs_core.ui.kit import formatting, navigation
from obs_core.ui.kit.text import plain
from obs_core.ui.shell.scope import PageScope

VIEW: Final = "a_view"
RULES: Final = "Rules"
"""The parameter of the link that chooses the view of the Alerts page, and its word for the builder."""

ICON: Final = ":material/add_alert:"
MOST: Final = 8
"""Suggestions of one panel: a list of more is no quick way."""

_ASK: Final = "Make a rule from this"
_LEAST_RATE: Final = 0.05
_TIMES_RATE: Final = 2.0
_TIMES_P95: Final = 1.5
_LONGEST: Final = 200  # characters of an allowed value that a builder is filled with


class RuleSuggestion(NamedTuple):
    """One rule that can be made: what it watches in words, and the texts of the builder's fields by their names."""

    says: str
    texts: Mapping[str, str]


Suggestions = Callable[[], Sequence[RuleSuggestion]]
Fill = Callable[[Mapping[str, str]], None]


def draw(suggestions: Sequence[RuleSuggestion], fill: Fill | None = None) -> None:
    """Draw them as one quiet icon: a link where there is one suggestion, a list where there are several.

    On the Alerts page itself a link can't set the controls that are drawn there: there `fill` is called by a button.
    """
    if len(suggestions) == 1:
        _way(suggestions[0], "Make a rule", fill, f"{_ASK} · {suggestions[0].says}")
    elif suggestions:
        with st.popover("Make a rule", icon=ICON, type="tertiary", help=_ASK):
            st.caption(_ASK)
            for suggestion in suggestions[:MOST]:
                _way(suggestion, suggestion.says, fill)


def error_rate(scope: PageScope, rate: float | None, *, function: str = "") -> RuleSuggestion:
    """The error rate is above twice what it is now, and above 5 %."""
    above = max(_LEAST_RATE, _TIMES_RATE * (rate or 0.0))
    if above >= 1:  # a limit that can be crossed
        above = (1 + min(rate or 0.0, 0.98)) / 2
    name = f"{_whose(scope, function)} fails"
    return _suggestion(
        f"Error rate above {formatting.share(_short(above))}", scope, "error_rate", name, function, above=above
    )


def latency(scope: PageScope, p95_ms: float | None, *, function: str = "") -> list[RuleSuggestion]:
    """The P95 is above 1.5 times what it is now; none where nothing was timed."""
    if not p95_ms or not math.isfinite(p95_ms):
        return []
    above = _TIMES_P95 * p95_ms
    says, name = f"P95 above {formatting.duration(_short(above))}", f"{_whose(scope, function)} is slow"
    return [_suggestion(says, scope, "latency", name, function, above=above)]


def other_latency(scope: PageScope, *, function: str = "") -> RuleSuggestion:
    """The P95 has changed by half against the window before: where nobody asked what it is now."""
    name = f"{_whose(scope, function)} takes other times"
    return _suggestion("P95 changed by 50 %", scope, "latency", name, function, changed_percent=50)


def throughput(scope: PageScope, *, function: str = "") -> RuleSuggestion:
    """Calls per second have changed by half against the window before."""
    name = f"{_whose(scope, function)} has other traffic"
    return _suggestion("Calls per second changed by 50 %", scope, "throughput", name, function, changed_percent=50)


def new_exception(scope: PageScope, *, function: str = "") -> RuleSuggestion:
    """A function raises an exception type for the first time."""
    name = f"{_whose(scope, function)} raises something new"
    return _suggestion("An exception type that is new", scope, "new_exception", name, function)


def stale(process: str, data: str, threshold: int = 5, **more: str) -> RuleSuggestion:
    """A variable repeats more often than `threshold`; without names, any variable does."""
    whose = f"{data} of {process}" if data else "a value"
    says = f"Stale after {formatting.count(threshold)} equal readings · {plain(whose, 60)}"
    given = {"kind": "stale", "name": f"{whose} is stale", "process": process, "data": data}
    return RuleSuggestion(says, {**given, "threshold": str(threshold), **more})


def value(process: str, data: str, reading: str | None) -> list[RuleSuggestion]:
    """The next readings are above or below this one, if it is a number; if it is a text, they are another one."""
    whose = f"{data} of {process}"
    given = {"kind": "value", "process": process, "data": data}
    try:
        number = float(reading or "")
    except ValueError:
        if not reading or "," in reading or len(reading) > _LONGEST or reading != reading.strip():
            return []  # a list of allowed values can't hold it
        says = f"Another value than {plain(reading, 40)} · {plain(whose, 60)}"
        return [RuleSuggestion(says, {**given, "name": f"{whose} is not {reading}", "allowed": reading})]
    if not math.isfinite(number):
        return []
    limit = np.format_float_positional(number, trim="-")
    return [
        RuleSuggestion(
            f"A value {side} {limit} · {plain(whose, 60)}", {**given, "name": f"{whose} is {side} {limit}", side: limit}
        )
        for side in ("above", "below")
    ]


def of_value(process: str, data: str, reading: str | None) -> list[RuleSuggestion]:
    """What can be wrong with a variable of which one reading is seen: it repeats, ceases to come, or is another."""
    return [stale(process, data), silent(process, data=data), *value(process, data, reading)]


def silent(process: str = "", group: str | None = None, *, of: str = "values", data: str = "") -> RuleSuggestion:
    """No reading (or, `of` calls, no call) comes for 5 minutes."""
    whose = f"{data} of {process}" if data else process or group or "any process"
    fields = {"process": process, "group": group or "", "data": data}
    texts = {"kind": "silent", "name": f"{whose} is silent", **fields, "of": of}
    said = "call" if of == "calls" else "reading"
    return RuleSuggestion(f"No {said} for 5 minutes · {plain(whose, 60)}", {**texts, "after": "5m"})


def writer(process: str = "") -> RuleSuggestion:
    """A writer is behind or drops rows."""
    name = f"writer of {process} is behind" if process else "a writer is behind"
    return RuleSuggestion("A writer that is behind or drops rows", {"kind": "writer", "name": name, "process": process})


def _whose(scope: PageScope, function: str) -> str:
    return function or scope.group or "any call"


def _suggestion(says: str, scope: PageScope, kind: str, name: str, function: str, **numbers: float) -> RuleSuggestion:
    limits = {field: np.format_float_positional(_short(number), trim="-") for field, number in numbers.items()}
    fields = {"group": scope.group or "", "function": function}
    whose = function or scope.group or ""
    return RuleSuggestion(
        f"{says} · {plain(whose, 60)}" if whose else says, {"kind": kind, "name": name, **fields, **limits}
    )


def _short(number: float) -> float:
    """`number` with two significant digits: a limit that somebody would choose."""
    return float(f"{number:.2g}")


def _way(suggestion: RuleSuggestion, label: str, fill: Fill | None, hover: str | None = None) -> None:
    if fill is not None:
        key = f"a_make_{suggestion.texts['kind']}_{suggestion.says}"
        words = formatting.escape_markdown(label)
        st.button(words, key=key, type="tertiary", icon=ICON, help=hover, on_click=fill, args=(suggestion.texts,))
        return
    texts = {f"r_{name}": text for name, text in suggestion.texts.items() if text}
    navigation.page_link(
        "alerts", label=formatting.escape_markdown(label), icon=ICON, hover=hover, **{VIEW: RULES}, **texts
    )
