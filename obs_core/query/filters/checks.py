"""What questions share: the window within the log, time buckets, and checks of parameters."""

from dataclasses import dataclass
from typing import Final

from obs_core.clock import DAY, HOUR, MINUTE, SECOND, Window, period_ns
from obs_core.errors import BadParameter
from obs_core.query.engine.engine import Engine

MOST_BUCKETS: Final = 300
LONGEST_TEXT: Final = 1_000  # characters of a search or a name; a longer one is a mistake, and slow for every row

_DECADES: Final = tuple(digit * 10**power for power in range(9) for digit in (1, 2, 5))
_STEPS: Final = (
    *_DECADES,
    *(count * SECOND for count in (1, 2, 5, 10, 15, 30)),
    *(count * MINUTE for count in (1, 2, 5, 10, 15, 30)),
    *(count * HOUR for count in (1, 2, 3, 6, 12)),
    *(count * DAY for count in (1, 2, 7, 14, 28, 91, 182, 364, 728)),
)


@dataclass(frozen=True, slots=True)
class Buckets:
    """`count` time buckets of `step_ns`; the first starts at `origin_ns`, a whole multiple of the step."""

    origin_ns: int
    step_ns: int
    count: int

    @property
    def parameters(self) -> dict[str, int]:
        """The buckets as parameters of a question's SQL."""
        return {"first": self.origin_ns // self.step_ns, "step_ns": self.step_ns, "buckets": self.count}


def clipped(engine: Engine, window: Window) -> Window:
    """`window` within the log: from its first row to just after its last one; empty if it has no rows."""
    extent = engine.extent()
    if extent is None:
        return Window(window.from_ns, window.from_ns)
    start = max(window.from_ns, extent.from_ns)
    return Window(start, max(start, min(window.to_ns, extent.to_ns)))


def per_second(count: int, window: Window) -> float | None:
    """The rate of `count` per second of `window`; None where the window is at most one nanosecond."""
    return count * SECOND / window.length_ns if window.length_ns > 1 else None


def buckets(window: Window, bucket: str, most: int = MOST_BUCKETS) -> Buckets:
    """The buckets that cover `window`: as fine as `most` of them allow (`auto`), or of a length such as 500ms, 30s, 5m.

    Raises:
        BadParameter: `bucket` is neither, or would give more than `MOST_BUCKETS` buckets.
    """
    if bucket == "auto":
        longest = -(-window.length_ns // (most - 1))
        candidates = (_of_step(window, step) for step in (*_STEPS, longest))
        return next(candidate for candidate in candidates if candidate.count <= most)
    covering = _of_step(window, _length_ns(bucket))
    if covering.count > MOST_BUCKETS:
        message = f"Buckets of {bucket} would be {covering.count:,}; the maximum is {MOST_BUCKETS}."
        raise BadParameter(message, "Use a longer bucket, a shorter window, or bucket=auto.")
    return covering


def text(name: str, value: str | None) -> str | None:
    """The parameter `name` as a filter: None or empty for none.

    Raises:
        BadParameter: it is too long, or contains half a character, which no log can contain.
    """
    if not value:
        return None
    if len(value) > LONGEST_TEXT:
        message = f"{name} has {len(value):,} characters; the maximum is {LONGEST_TEXT:,}."
        raise BadParameter(message, "Search for a part of it.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        message = f"{name} contains half a character (a lone surrogate) at position {error.start}."
        raise BadParameter(message, "Remove it: no log contains it.") from error
    return value


def checked_int(name: str, value: int, least: int, most: int) -> int:
    """The parameter `name` as a number from `least` to `most`.

    Raises:
        BadParameter: it is out of range.
    """
    if not least <= value <= most:
        message = f"{name} is {value}; it must be from {least:,} to {most:,}."
        raise BadParameter(message, "Choose a number in this range.")
    return value


def choice(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """The parameter `name` as one of the values `allowed`.

    Raises:
        BadParameter: it is not one of them.
    """
    if value not in allowed:
        message = f"{name} is “{value[:60]}”."
        raise BadParameter(message, f"It must be one of {', '.join(allowed)}.")
    return value


def _of_step(window: Window, step: int) -> Buckets:
    origin = window.from_ns // step * step
    return Buckets(origin, step, -(-(window.to_ns - origin) // step) if window.length_ns else 0)


def _length_ns(bucket: str) -> int:
    length_ns = period_ns(bucket)
    if not length_ns:
        message = f"“{bucket[:60]}” is not a valid bucket length."
        raise BadParameter(message, "Write auto, or a number with ms, s, m, h, d or w, such as 30s.")
    return length_ns


def like(literal: str) -> str:
    r"""The pattern with which LIKE … ESCAPE '\' finds `literal` anywhere in a text."""
    return f"%{_escaped(literal)}%"


def wildcards(pattern: str) -> str:
    r"""The pattern with which LIKE … ESCAPE '\' matches a name pattern, in which * is any text and ? any character."""
    return _escaped(pattern).replace("*", "%").replace("?", "_")


def _escaped(literal: str) -> str:
    return literal.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
