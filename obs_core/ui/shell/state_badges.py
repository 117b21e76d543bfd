"""State badges: the icon, label and colour role of every state that pages show. No state is shown by colour alone."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Role = Literal["ok", "error", "stale", "muted", "accent"]
StreamlitColour = Literal["green", "red", "orange", "gray", "blue"]


class Badge(NamedTuple):
    """How a state is shown."""

    icon: str
    label: str
    role: Role

    @property
    def text(self) -> str:
        """The badge in a table cell."""
        return f"{self.icon} {self.label}"

    @property
    def colour(self) -> StreamlitColour:
        """The name of the role's colour in Streamlit; `.streamlit/config.toml` gives it the value of `theme.ROLES`."""
        return _COLOURS[self.role]


_COLOURS: Final[dict[Role, StreamlitColour]] = {
    "ok": "green",
    "error": "red",
    "stale": "orange",
    "muted": "gray",
    "accent": "blue",
}

ALERTS: Final[dict[str, Badge]] = {
    "firing": Badge("●", "firing", "error"),
    "flapping": Badge("≋", "flapping", "stale"),
    "no data": Badge("○", "no data", "stale"),
    "pending": Badge("◐", "pending", "accent"),
    "snoozed": Badge("◌", "snoozed", "muted"),
    "resolved": Badge("✓", "resolved", "ok"),
    "inactive": Badge("✓", "quiet", "ok"),
}
"""States of alerts."""

MESSAGES: Final[dict[str, Badge]] = {
    "queued": Badge("◐", "queued", "accent"),
    "sent": Badge("✓", "sent", "ok"),
    "failed": Badge("✕", "failed", "error"),
    "suppressed": Badge("◌", "suppressed", "muted"),
}
"""States of the messages to webhooks."""

WRITERS: Final[dict[str, Badge]] = {
    "OK": Badge("●", "OK", "ok"),
    "DELAYED": Badge("▲", "DELAYED", "stale"),
    "CIRCUIT_OPEN": Badge("■", "CIRCUIT_OPEN", "error"),
    "GONE": Badge("✕", "GONE", "error"),
}
"""States of writers, from best to worst."""

SOURCES: Final[dict[str, Badge]] = {
    "as on disk": Badge("✓", "as on disk", "ok"),
    "moved": Badge("→", "moved", "accent"),
    "read from disk": Badge("→", "read from disk", "accent"),
    "recorded": Badge("●", "recorded", "muted"),
    "changed on disk since": Badge("▲", "changed on disk since", "stale"),
    "file is gone": Badge("✕", "file is gone", "stale"),
    "not recorded": Badge("○", "not recorded", "muted"),
}
"""States of recorded source compared with its file."""


def texts(badges: Mapping[str, Badge]) -> dict[str, str]:
    """Return the text of each state."""
    return {state: badge.text for state, badge in badges.items()}
