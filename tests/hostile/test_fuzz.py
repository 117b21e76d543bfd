"""A short run of each fuzzer; `python -m tests.hostile.fuzz --seconds N --seed S` runs them for longer.

OBS_FUZZ_S sets the seconds for each target; 6 by default, 24 for all four.
"""

import os
import random
from pathlib import Path

import pytest

from tests.hostile import fuzz

SECONDS = float(os.environ.get("OBS_FUZZ_S", "6"))


@pytest.mark.slow
@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_no_changed_data_leads_to_an_error_that_nobody_expected(target: str) -> None:
    for number, failure in fuzz.cases(target, 0, SECONDS):
        assert failure == "", f"case {number} of {target}"


def test_a_failing_case_is_named_and_runs_again_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(chance: random.Random, folder: Path) -> None:
        assert folder.is_dir()
        if chance.randrange(3) == 0:
            raise ValueError("odd")

    monkeypatch.setitem(fuzz.TARGETS, "spools", fails)
    assert fuzz.main(["--seconds", "5", "--seed", "7", "spools"]) == 1
    said = capsys.readouterr().out
    assert "ValueError: odd" in said
    again = said.rpartition("tests.hostile.fuzz ")[2].split()
    assert fuzz.main(again) == 1
    assert capsys.readouterr().out == said


def test_the_same_seed_changes_the_same_bytes() -> None:
    good = bytes(range(256)) * 40
    chances = (random.Random(seed) for seed in ("a", "a", "b"))  # noqa: S311 - no secrets
    first, second, other = (fuzz.changed(chance, good) for chance in chances)
    assert first == second != other
