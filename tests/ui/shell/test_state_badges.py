"""Each state has one badge, with an icon and a label."""

from typing import get_args

import pytest

from obs_core.alerts.states import machine
from obs_core.source_code.locate import SourceState
from obs_core.ui.shell import state_badges
from obs_core.ui.shell.state_badges import Badge


@pytest.mark.parametrize(
    ("badges", "states"), [(state_badges.ALERTS, machine.ShownState), (state_badges.SOURCES, SourceState)]
)
def test_every_state_has_a_badge(badges: dict[str, Badge], states: object) -> None:
    assert set(badges) == set(get_args(states))


@pytest.mark.parametrize(
    "badges", [state_badges.ALERTS, state_badges.MESSAGES, state_badges.WRITERS, state_badges.SOURCES]
)
def test_a_badge_is_never_colour_alone(badges: dict[str, Badge]) -> None:
    for badge in badges.values():
        assert len(badge.icon) == 1
        assert badge.text == f"{badge.icon} {badge.label}"
        assert badge.colour
    assert len(set(state_badges.texts(badges).values())) == len(badges)
