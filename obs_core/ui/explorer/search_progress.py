"""How far a page of rows has looked, where looking through the whole window would take too long."""

from pandas import DataFrame

from obs_core.ui.kit import formatting


def looked(rows: DataFrame) -> str:
    """A sentence about an answer of `traces.page`; nothing where it looked as far as it had to."""
    moment = rows.attrs.get("looked_to_ns")
    if moment is None:
        return ""
    found = "These are the rows that fit" if len(rows) else "No row fits"
    return f"{found} up to {formatting.format_time(moment)}; looking through the whole window takes long."
