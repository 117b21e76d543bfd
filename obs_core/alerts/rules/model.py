"""What a rule is: which condition, on which series or calls, and how its alerts begin and end."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Final, Literal

from obs_core.series.streaks import Missing

NoData = Literal["ok", "keep", "alert"]
Source = Literal["file", "page"]
Bound = Literal["above", "below"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows a rule looks at; empty: all. A name with `*` or `?` is a pattern, as in file names."""

    process: str = ""
    group: str = ""
    data: str = ""
    function: str = ""

    def holds(self, process: str, group: str | None, data: str, function: str | None = None) -> bool:
        """Whether a row of these names is in the scope."""
        return (
            _fits(self.process, process)
            and _fits(self.group, group or "")
            and _fits(self.data, data)
            and _fits(self.function, function or "")
        )


@dataclass(frozen=True, slots=True)
class Stale:
    """More equal readings in a row than `threshold`, for at least `min_seconds`; critical above `critical`."""

    threshold: int = 5
    critical: int | None = None
    min_seconds: float = 0.0
    tolerance: float = 0.0
    missing: Missing = "value"
    ignore: tuple[str, ...] = ()
    constant: tuple[str, ...] = ()  # variables that are constant by design, names or patterns


@dataclass(frozen=True, slots=True)
class Silent:
    """No reading of a series (or, with `of` = calls, no call of a process) for `after_s` seconds."""

    after_s: float = 300.0
    of: Literal["values", "calls"] = "values"


@dataclass(frozen=True, slots=True)
class Value:
    """The newest reading is above, below or outside numbers, or is none of `allowed`."""

    above: float | None = None
    below: float | None = None
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calls:
    """A figure of the calls in the last `window_s` seconds, over all that the scope holds.

    `figure` is error_rate (0 to 1), latency (ms, of `percentile`) or throughput (calls per second); it is compared with
    the limits `above` and `below`, and `changed_percent` with the window before.
    """

    figure: Literal["error_rate", "latency", "throughput"] = "error_rate"
    window_s: float = 300.0
    above: float | None = None
    below: float | None = None
    changed_percent: float | None = None
    percentile: float = 95.0
    min_calls: int = 1


@dataclass(frozen=True, slots=True)
class NewException:
    """An exception type that a function has not raised before."""


@dataclass(frozen=True, slots=True)
class Writer:
    """A writer is in one of `states`, or has dropped rows since it was last looked at."""

    states: tuple[str, ...] = ("DELAYED", "CIRCUIT_OPEN")
    drops: bool = True


Condition = Stale | Silent | Value | Calls | NewException | Writer
KINDS: Final[dict[str, type[Condition]]] = {
    "stale": Stale,
    "silent": Silent,
    "value": Value,
    "calls": Calls,
    "new_exception": NewException,
    "writer": Writer,
}
KIND_OF: Final = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its condition and scope, and what every rule has; periods are seconds.

    An alert fires when the condition has held for `for_s`, and goes on for `keep_firing_for_s` after it has ended.
    Where there is nothing to judge for `no_data_after_s`, `no_data` counts that as ok, keeps the state, or alerts.
    Three flips within `flap_window_s` (`flap_count`) make an alert flapping.
    """

    name: str
    condition: Condition
    scope: Scope = Scope()
    for_s: float = 0.0
    keep_firing_for_s: float = 0.0
    no_data: NoData = "keep"
    no_data_after_s: float = 300.0
    severity: str = "warning"
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    enabled: bool = True
    snoozed_until_ns: int | None = None
    flap_count: int = 3
    flap_window_s: float = 100.0
    source: Source = field(default="page", compare=False)

    @property
    def kind(self) -> str:
        """The name of its condition."""
        return KIND_OF[type(self.condition)]

    def is_snoozed(self, now_ns: int) -> bool:
        """Whether nothing of it is sent at this moment."""
        return self.snoozed_until_ns is not None and now_ns < self.snoozed_until_ns

    def judgement(self) -> str:
        """A hash of all that decides its verdicts: a rule whose hash has changed is judged anew."""
        facts = asdict(self.condition).items()
        numbers = [[name, float(fact) if isinstance(fact, int | float) else fact] for name, fact in facts]
        times = [float(self.for_s), float(self.keep_firing_for_s), self.no_data, float(self.no_data_after_s)]
        parts = [self.kind, numbers, asdict(self.scope), self.labels, self.severity, times]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    """Only `*` and `?` are special: names of variables hold brackets."""
    words = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(words), re.DOTALL)


def is_pattern(name: str) -> bool:
    """Whether `name` stands for several names."""
    return "*" in name or "?" in name


def named(wanted: tuple[str, ...], name: str) -> bool:
    """Whether one of the names or patterns `wanted` is `name`."""
    return any(_fits(each, name) for each in wanted if each)


def _fits(wanted: str, name: str) -> bool:
    if not wanted or wanted == name:
        return True
    return is_pattern(wanted) and _pattern(wanted).fullmatch(name) is not None
