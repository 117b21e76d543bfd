"""The version of this package; the wheel's metadata read it from here."""

from typing import Final

VERSION: Final = "0.2.0"
