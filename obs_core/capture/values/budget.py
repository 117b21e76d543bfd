"""`Budget`: the characters that the text of a value may still take, and what the value is compared by."""

from collections.abc import Collection
from typing import Any, Final

from obs_core.capture.values.contents import feed, feed_fields, is_flat
from obs_core.capture.values.equality import Key
from obs_core.capture.values.limits import rules

_OBJECT_CHARACTERS: Final = 1000  # of an object and what it refers to; with 8,000 a parser took 16 s instead of 10


class Budget:
    """The characters that a text may still take (below zero it ends after the current part), and the value's key.

    `key` is None if the value is not compared.
    """

    __slots__ = ("_is_object", "key", "left")

    def __init__(self, *, is_object: bool, compared: bool) -> None:
        """The budget of an object or of another value."""
        self._is_object = is_object
        self.left = _OBJECT_CHARACTERS if is_object else 2 * rules.cap
        self.key = Key() if compared else None

    def add_type(self, identity: str) -> None:
        """The text has the name of a class of the program: its module is part of the key."""
        if self.key is not None:
            self.key.types.append(identity)

    def leave_out(self, value: object) -> None:
        """The text does not show the whole of `value`: it is compared by its content.

        Of what an object refers to only flat containers and arrays: reading a tree of objects takes too long.
        """
        key = self.key
        if key is not None and key.comparable:
            if not self._is_object or is_flat(value):
                feed(key, value)
            else:
                key.fail()

    def leave_out_fields(self, fields: Collection[tuple[object, Any]]) -> None:
        """The text does not show these fields of an object."""
        key = self.key
        if key is not None and key.comparable:
            feed_fields(key, fields)

    def fail(self) -> None:
        """The value can't be compared."""
        if self.key is not None:
            self.key.fail()
