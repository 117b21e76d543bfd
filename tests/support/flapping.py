"""When an alert flaps, by the definition alone: enough of its crossings lie within the last stretch of time."""

from collections.abc import Sequence


def flapping(crossings: Sequence[int], count: int = 3, window: int = 100) -> list[tuple[int, bool]]:
    """At which moments it began and ceased to flap, given when it began or ceased to fire."""
    told: list[tuple[int, bool]] = []
    flaps = False
    for moment in sorted({*crossings, *(crossing + window for crossing in crossings)}):
        now = sum(moment - window < crossing <= moment for crossing in crossings) >= count
        if now != flaps:
            flaps = now
            told.append((moment, flaps))
    return told
