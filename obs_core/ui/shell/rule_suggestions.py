"""“Make a rule from this”: suggested rules for the contents of a panel, each a link that fills the rule form.

A suggestion takes its kind, scope and limit from what the panel shows; the form is where it is backtested and changed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import streamlit as st

from obs_core.alerts.rules.kinds import KINDS
from obs_core.ui.kit import formatting, navigation
from obs_core.ui.kit.text import plain
from obs_core.ui.shell.scope import PageScope

VIEW: Final = "a_view"
RULES: Final = "Rules"
"""The link parameter for the view of the Alerts page, and its value for the rule form."""

ICON: Final = ":material/add_alert:"
MOST: Final = 8
"""Suggestions of one panel: a longer list would not be quick to use."""

_TITLE: Final = "Make a rule from this"
_LEAST_RATE: Final = 0.05
_TIMES_RATE: Final = 2.0
_TIMES_P95: Final = 1.5
_WITH_LIMITS: Final = frozenset({"stale", "silent", "value"})  # suggested with limits from what is shown
_MAX_CHARS: Final = 200  # of an allowed value in a suggestion


class RuleSuggestion(NamedTuple):
    """One suggested rule: what it watches, in words, and the texts of the form's fields by name."""

    text: str
    fields: Mapping[str, str]


Suggestions = Callable[[], Sequence[RuleSuggestion]]
Fill = Callable[[Mapping[str, str]], None]


def draw(suggestions: Sequence[RuleSuggestion], fill: Fill | None = None) -> None:
    """Draw them as one quiet icon: a link for one suggestion, a list for several.

    Suggestions with the same text appear once: names that differ only in what a page can't show look the same.
    On the Alerts page itself a link can't set the controls that are already drawn: there a button calls `fill`.
    """
    suggestions = list({suggestion.text: suggestion for suggestion in reversed(suggestions)}.values())[::-1]
    if fill is None:
        _links(repr(suggestions), suggestions)
    else:
        _listed(suggestions, fill)


@st.cache_resource(show_spinner=False, max_entries=256)
def _links(key: str, _suggestions: Sequence[RuleSuggestion]) -> None:
    """Draw links to the rule form; Streamlit draws those of the same `key` again without making them again."""
    del key
    _listed(_suggestions, None)


def _listed(suggestions: Sequence[RuleSuggestion], fill: Fill | None) -> None:
    if len(suggestions) == 1:
        _link(suggestions[0], "Make a rule", fill, f"{_TITLE} · {suggestions[0].text}")
    elif suggestions:
        with st.popover("Make a rule", icon=ICON, type="tertiary", help=_TITLE):
            st.caption(_TITLE)
            for suggestion in suggestions[:MOST]:
                _link(suggestion, suggestion.text, fill)


def error_rate(scope: PageScope, rate: float | None, *, function: str = "") -> RuleSuggestion:
    """Suggest an alert on an error rate above twice the current one, at least 5 %."""
    above = max(_LEAST_RATE, _TIMES_RATE * (rate or 0.0))
    if above >= 1:  # a limit that a rate can cross
        above = (1 + min(rate or 0.0, 0.98)) / 2
    name = f"{_subject(scope, function)} fails"
    return _suggestion(
        f"Error rate above {formatting.share(_short(above))}", scope, "error_rate", name, function, above=above
    )


def latency(scope: PageScope, p95_ms: float | None, *, function: str = "") -> list[RuleSuggestion]:
    """Suggest an alert on a P95 above 1.5 times the current one; nothing without durations."""
    if not p95_ms or not math.isfinite(p95_ms):
        return []
    above = _TIMES_P95 * p95_ms
    text, name = f"P95 above {formatting.duration(_short(above))}", f"{_subject(scope, function)} is slow"
    return [_suggestion(text, scope, "latency", name, function, above=above)]


def other_latency(scope: PageScope, *, function: str = "") -> RuleSuggestion:
    """Suggest an alert on a P95 that changed by 50 % since the previous window, if the current one is not known."""
    name = f"{_subject(scope, function)} has another latency"
    return _suggestion("P95 changed by 50 %", scope, "latency", name, function, changed_percent=50)


def throughput(scope: PageScope, *, function: str = "") -> RuleSuggestion:
    """Suggest an alert on calls per second that changed by 50 % since the previous window."""
    name = f"{_subject(scope, function)} has another throughput"
    return _suggestion("Calls per second changed by 50 %", scope, "throughput", name, function, changed_percent=50)


def new_exception(scope: PageScope, *, function: str = "") -> RuleSuggestion:
    """Suggest an alert on an exception type that a function raises for the first time."""
    name = f"{_subject(scope, function)} raises a new exception"
    return _suggestion("New exception type", scope, "new_exception", name, function)


def stale(process: str, data: str, threshold: int = 5, **more: str) -> RuleSuggestion:
    """Suggest an alert on a variable with more than `threshold` equal readings; without names, on any variable."""
    subject = f"{data} of {process}" if data else "a value"
    text = f"Stale after {formatting.count(threshold)} equal readings · {plain(subject, 60)}"
    given = {"kind": "stale", "name": f"{subject} is stale", "process": process, "data": data}
    return RuleSuggestion(text, {**given, "threshold": str(threshold), **more})


def value(process: str, data: str, reading: str | None) -> list[RuleSuggestion]:
    """Suggest alerts on readings above or below this number, or different from this text."""
    subject = f"{data} of {process}"
    given = {"kind": "value", "process": process, "data": data}
    try:
        number = float(reading or "")
    except ValueError:
        if not reading or "," in reading or len(reading) > _MAX_CHARS or reading != reading.strip():
            return []  # a list of allowed values can't contain it
        text = f"Value differs from {plain(reading, 40)} · {plain(subject, 60)}"
        return [RuleSuggestion(text, {**given, "name": f"{subject} is not {reading}", "allowed": reading})]
    if not math.isfinite(number):
        return []
    limit = np.format_float_positional(number, trim="-")
    return [
        RuleSuggestion(
            f"Value {side} {limit} · {plain(subject, 60)}",
            {**given, "name": f"{subject} is {side} {limit}", side: limit},
        )
        for side in ("above", "below")
    ]


def of_value(process: str, data: str, reading: str | None) -> list[RuleSuggestion]:
    """Suggest an alert of every kind that reads values, for a variable with this reading."""
    with_limits = [stale(process, data), silent(process, data=data), *value(process, data, reading)]
    others = [kind for kind in KINDS.values() if kind.reads == "values" and kind.name not in _WITH_LIMITS]
    numeric = _is_number(reading)
    fitting = [kind.name for kind in others if numeric or not kind.suggestion.numbers_only]
    return [*with_limits, *(of_kind(name, process, data) for name in fitting)]


def of_kind(name: str, process: str = "", data: str = "") -> RuleSuggestion:
    """Suggest a rule of any kind with the limit that its module suggests."""
    suggestion = KINDS[name].suggestion
    subject = f"{data} of {process}" if data else process
    fields = {"kind": name, "name": f"{suggestion.text} · {subject}" if subject else suggestion.text}
    text = f"{suggestion.text} · {plain(subject, 60)}" if subject else suggestion.text
    return RuleSuggestion(text, {**fields, "process": process, "data": data, **suggestion.fields})


def silent(process: str = "", group: str | None = None, *, of: str = "values", data: str = "") -> RuleSuggestion:
    """Suggest an alert on 5 minutes without readings (or, if `of` is calls, without calls)."""
    subject = f"{data} of {process}" if data else process or group or "any process"
    fields = {"process": process, "group": group or "", "data": data}
    texts = {"kind": "silent", "name": f"{subject} is silent", **fields, "of": of}
    noun = "call" if of == "calls" else "reading"
    return RuleSuggestion(f"No {noun} for 5 minutes · {plain(subject, 60)}", {**texts, "after": "5m"})


def writer(process: str = "") -> RuleSuggestion:
    """Suggest an alert on a writer that is behind or drops rows."""
    name = f"writer of {process} is behind" if process else "a writer is behind"
    return RuleSuggestion("A writer that is behind or drops rows", {"kind": "writer", "name": name, "process": process})


def _is_number(reading: str | None) -> bool:
    try:
        return math.isfinite(float(reading or ""))
    except ValueError:
        return False


def _subject(scope: PageScope, function: str) -> str:
    return function or scope.group or "any call"


def _suggestion(text: str, scope: PageScope, kind: str, name: str, function: str, **numbers: float) -> RuleSuggestion:
    limits = {field: np.format_float_positional(_short(number), trim="-") for field, number in numbers.items()}
    fields = {"group": scope.group or "", "function": function}
    subject = function or scope.group or ""
    return RuleSuggestion(
        f"{text} · {plain(subject, 60)}" if subject else text, {"kind": kind, "name": name, **fields, **limits}
    )


def _short(number: float) -> float:
    """`number` with two significant digits, as a person would choose a limit."""
    return float(f"{number:.2g}")


def _link(suggestion: RuleSuggestion, label: str, fill: Fill | None, hover: str | None = None) -> None:
    if fill is not None:
        key = f"a_make_{suggestion.fields['kind']}_{suggestion.text}"
        text = formatting.escape_markdown(label)
        st.button(text, key=key, type="tertiary", icon=ICON, help=hover, on_click=fill, args=(suggestion.fields,))
        return
    texts = {f"r_{name}": text for name, text in suggestion.fields.items() if text}
    navigation.page_link(
        "alerts", label=formatting.escape_markdown(label), icon=ICON, hover=hover, **{VIEW: RULES}, **texts
    )
