"""When an alert flaps, by the definition alone: enough of its crossings are within the last window of time."""

from collections.abc import Sequence


def flapping(crossings: Sequence[int], count: int = 3, window: int = 100) -> list[tuple[int, bool]]:
    """When it started and stopped flapping, given when it started or stopped firing."""
    changes: list[tuple[int, bool]] = []
    flaps = False
    for time in sorted({*crossings, *(crossing + window for crossing in crossings)}):
        now = sum(time - window < crossing <= time for crossing in crossings) >= count
        if now != flaps:
            flaps = now
            changes.append((time, flaps))
    return changes
