"""The types of the commands' arguments: paths, seconds and numbers, each checked before anything is done."""

import argparse
import math
from pathlib import Path
from typing import Final

LONGEST_S: Final = 31_536_000.0  # a year; system calls that wait take no more than 292
LARGEST: Final = 2**63 - 1  # that SQLite takes
LARGEST_PORT: Final = 65_535


def path(text: str) -> Path:
    """A path of any kind."""
    if "\0" in text:
        raise argparse.ArgumentTypeError("a path can't contain NUL")
    return Path(text)


def log_path(text: str) -> Path:
    """The path of a log: a file in some directory."""
    log = path(text)
    if not log.absolute().name:
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a file")
    return log


def seconds(text: str) -> float:
    """A length of time in seconds, above 0 and at most a year."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is not a number of seconds above 0 and up to a year")
    return number


def count(text: str) -> int:
    """A whole number of 0 or more, of at most 64 bits."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST)) and int(text) <= LARGEST):
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is not a whole number of 0 or more")
    return int(text)


def port(text: str) -> int:
    """The number of a TCP port: 0 to 65535."""
    number = count(text)
    if number > LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; the largest is {LARGEST_PORT}")
    return number
