"""The spread of readings, release 1.5: it leaves out outliers, and became slower."""

import asyncio
import statistics

from obs_core import trace

LAST = 12


@trace
async def summary(values: list[float]) -> dict[str, float]:
    """The spread of the last readings without outliers."""
    middle = statistics.median(values)
    valid = []
    for value in values[-LAST:]:
        await asyncio.sleep(0.001)  # looks up the tolerance of each reading: once for all would be enough
        if abs(value - middle) <= 3 * statistics.pstdev(values):
            valid.append(value)
    valid = valid or values
    return {"low": min(valid), "middle": middle, "high": max(valid)}
