"""A rule: its condition, the rows in its scope, and the settings that all rules share."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, Final, Literal

from obs_core.store.tail import TailRow

NoData = Literal["ok", "keep", "alert"]
RuleSource = Literal["file", "page"]
CodeLocator = Callable[[TailRow], dict[str, str]]
"""Returns annotations about the code that wrote a row."""


def no_code(_: TailRow) -> dict[str, str]:
    """Return no annotations: a `CodeLocator` for logs without recorded code."""
    return {}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows a rule reads; an empty name matches all. A name with `*` or `?` is a pattern, as in file names."""

    process: str = ""
    group: str = ""
    data: str = ""
    function: str = ""

    def includes(self, process: str, group: str | None, data: str, function: str | None = None) -> bool:
        """Whether a row with these names is in the scope."""
        return (
            _matches(self.process, process)
            and _matches(self.group, group or "")
            and _matches(self.data, data)
            and _matches(self.function, function or "")
        )


class Condition:
    """What a rule of one kind checks: a frozen, slotted dataclass, with a field per setting of the kind.

    A field that ends in `_s` is a duration in seconds and is written without the suffix in `rules.toml`. `family` is
    the name of the kind, or of several kinds that one check evaluates together.
    """

    __slots__ = ()
    family: ClassVar[str]

    @property
    def kind(self) -> str:
        """The name of the rule kind, as in `rules.toml`."""
        return self.family

    @property
    def reads_calls(self) -> bool:
        """Whether a series check of this condition applies to the calls of a process instead of to a series."""
        return False


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert rule; periods are in seconds.

    An alert fires after its condition has held for `for_s`, and keeps firing for `keep_firing_for_s` after the
    condition has ended. If there is nothing to evaluate for `no_data_after_s`, `no_data` resolves the alert (ok), keeps
    its state, or fires. `flap_count` state changes within `flap_window_s` make an alert flapping.
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
    source: RuleSource = field(default="page", compare=False)

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return self.condition.kind

    def is_snoozed(self, now_ns: int) -> bool:
        """Whether notifications are suppressed at `now_ns`."""
        return self.snoozed_until_ns is not None and now_ns < self.snoozed_until_ns

    def condition_hash(self) -> str:
        """A hash of every setting that affects evaluation; a rule with a new hash is evaluated over the whole log."""
        settings = asdict(self.condition).items()  # type: ignore[call-overload] # every condition is a dataclass
        fields = [[name, float(value) if isinstance(value, int | float) else value] for name, value in settings]
        times = [float(self.for_s), float(self.keep_firing_for_s), self.no_data, float(self.no_data_after_s)]
        parts: list[Any] = [self.condition.family, fields, asdict(self.scope), self.labels, self.severity, times]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


_SPECIAL: Final = re.compile(r"([*?])")


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    """Only `*` and `?` are special: names of variables may contain brackets."""
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in _SPECIAL.split(pattern))
    return re.compile("".join(parts), re.DOTALL)


def is_pattern(name: str) -> bool:
    """Whether `name` is a pattern for several names."""
    return "*" in name or "?" in name


def matches_any(patterns: tuple[str, ...], name: str) -> bool:
    """Whether one of the names or patterns in `patterns` matches `name`."""
    return any(_matches(pattern, name) for pattern in patterns if pattern)


def _matches(pattern: str, name: str) -> bool:
    if not pattern or pattern == name:
        return True
    return is_pattern(pattern) and _pattern(pattern).fullmatch(name) is not None
