"""What fails while a log is followed: each part fails alone, is reported at most once per 20 s, and is counted."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from obs_core.alerts.evaluate.failures import Reason, RowCounts, error_text
from obs_core.alerts.rules.model import Rule
from obs_core.clock import now_ns
from obs_core.errors import BadParameter, ObsError
from obs_core.store import sqlite
from obs_core.watch.status_file import Fault

REPEAT_S: Final = 20.0
Report = Callable[[str], None]
_NONE: Final[Mapping[str, BadParameter]] = {}
_ROWS: Final[dict[Reason, str]] = {
    "unreadable": "{} rows can't be read and were skipped; the last one has the id {}: {}.",
    "skipped": "{} rows could not be evaluated and were skipped; the last one has the id {}: {}.",
    "no time": "{} rows have no time that can be read, and no rule evaluates them; the last one has the id {}.",
    "far time": "{} rows have a time before 1678 or after 2261, and count as if they came now; the last id is {}.",
    "untracked": "{} readings are not evaluated (the last id is {}): the watcher tracks no more series than "
    "OBS_MAX_SERIES, and there are about {} more.",
}


class Faults:
    """The current faults of one watcher; `report` gets sentences for people."""

    def __init__(self, log: Path, report: Report) -> None:
        """Start without faults."""
        self._log, self._report = log, report
        self._current: dict[str, Fault] = {}
        self._reported_s: dict[tuple[str, str], float] = {}

    def current(self) -> list[Fault]:
        """The faults that have not ended, by part."""
        return sorted(self._current.values())

    @contextmanager
    def isolated(self, part: str) -> Iterator[None]:
        """Run the block; an error is the fault of `part`, and success ends that fault."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - no part stops the others
            self.failed(part, error)
        else:
            self.end(part)

    def failed(self, part: str, error: Exception) -> None:
        """Count an error of `part`."""
        if isinstance(error, sqlite.Error):
            error = sqlite.translate_error(error, self._log)
        if isinstance(error, ObsError):
            text = f"{error.message} {error.hint}".strip()
        else:
            text = f"An unexpected error in “{part}”: {error_text(error)}"
        before = self._current.get(part)
        self.set(part, text, 1 if before is None else before.times + 1)

    def end(self, part: str) -> None:
        """The fault of `part`, if there is one, has ended."""
        self._current.pop(part, None)

    def set(self, part: str, text: str, count: int = 1) -> None:
        """Set the fault of `part`, and report it unless the same text was reported less than 20 s ago."""
        before = self._current.get(part)
        self._current[part] = Fault(part, text, count, now_ns() if before is None else before.since_ns)
        now_s = time.monotonic()
        if now_s - self._reported_s.get((part, text), -REPEAT_S) >= REPEAT_S:
            self._reported_s = {key: at_s for key, at_s in self._reported_s.items() if now_s - at_s < REPEAT_S}
            self._reported_s[part, text] = now_s
            self._report(text)

    def set_rules(self, failed: Mapping[Rule, str], invalid: Mapping[str, BadParameter] = _NONE) -> None:
        """Set the faults of rules that are not evaluated because of an error, and of those that can't be read."""
        texts = {
            rule.name: f"The rule “{rule.name}” is not evaluated until it is changed: {why}."
            for rule, why in failed.items()
        }
        texts |= {name: f"{error.message} {error.hint}".strip() for name, error in invalid.items()}
        self.set_all("rule ", texts)

    def set_all(self, prefix: str, texts: Mapping[str, str]) -> None:
        """Set the faults of all parts with names that start with `prefix`; those without a text have ended."""
        faults = {f"{prefix}{name}": text for name, text in texts.items()}
        for part in [part for part in self._current if part.startswith(prefix) and part not in faults]:
            self.end(part)
        for part, text in faults.items():
            if self._text_of(part) != text:
                self.set(part, text)

    def set_rows(self, counts: RowCounts) -> None:
        """Set the faults of rows that were skipped or are unusual; each is reported at most once per 20 s."""
        for reason, counted in counts.by_reason.items():
            part = f"rows: {reason}"
            why = f"{counts.untracked_series():,}" if reason == "untracked" else counted.text
            text = _ROWS[reason].format(f"{counted.count:,}", counted.last_id, why)
            if self._text_of(part) != text:
                self._current[part] = Fault(part, text, counted.count, now_ns())
                self._report_rarely(part, text)

    def _report_rarely(self, part: str, text: str) -> None:
        """Report a text with changing numbers, at most once per 20 s for its part."""
        now_s = time.monotonic()
        if now_s - self._reported_s.get((part, ""), -REPEAT_S) >= REPEAT_S:
            self._reported_s[part, ""] = now_s
            self._report(text)

    def _text_of(self, part: str) -> str:
        fault = self._current.get(part)
        return "" if fault is None else fault.text
