"""How far a page of rows has searched, where searching the whole window would take too long."""

from pandas import DataFrame

from obs_core.ui.kit import formatting


def progress(rows: DataFrame) -> str:
    """A sentence about an answer of `traces.page`; empty where the whole window was searched."""
    time_ns = rows.attrs.get("looked_to_ns")
    if time_ns is None:
        return ""
    matches = "These rows match" if len(rows) else "No rows match"
    return f"{matches} up to {formatting.format_time(time_ns)}; searching the whole window takes long."
