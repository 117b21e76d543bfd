"""The version of this package; the wheel's metadata read it from here."""

from typing import Final

VERSION: Final = "0.1.0"
