"""What a check returns."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: what was checked, its state, a sentence, and for others than `ok` what to do."""

    check: str
    state: State
    text: str
    hint: str = ""
