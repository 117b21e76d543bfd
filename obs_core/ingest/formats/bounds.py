"""How many objects a text would become: counted before any of them is made, because parsing can need 90 bytes per byte.

An empty object of JSON (3 bytes with its comma) takes 70 bytes of memory, an empty span of protobuf (2 bytes) 175.
"""

from typing import Any, Final

_SHORTEST: Final = 2  # bytes of a submessage of protobuf; JSON has values of one character: [[[
_CHUNK: Final = 1 << 20

_VARINT, _FIXED_64, _LENGTH, _GROUPS, _FIXED_32 = 0, 1, 2, (3, 4), 5  # wire types of protobuf
_MORE: Final = 0x80  # the bit of a byte of a varint that another byte follows
_LONGEST_VARINT: Final = 10

Known = dict[int, Any]
"""The submessages of a message: the tag of each, and in turn its submessages."""


def has_more_values(text: str, most: int) -> bool:
    """Whether a JSON text has more than `most` values, keys of objects not counted.

    Commas and opening brackets outside of strings are counted: one per value, and one more per object or list. It
    takes linear time: none for short texts, then 1 ns per character, and up to 40 ns if these may exceed `most`.
    """
    if len(text) <= most or _separators(text) < most:
        return False
    count = at = 0
    in_string = False
    while at < len(text) and count < most:
        end = at + _CHUNK
        chunk = text[at:end]
        if (len(chunk) - len(chunk.rstrip("\\"))) % 2:  # an escape is not cut in two
            chunk += text[end : end + 1]
        at += len(chunk)
        parts = chunk.replace("\\\\", "").replace('\\"', "").split('"')
        count += _separators("".join(parts[in_string::2]))
        in_string ^= len(parts) % 2 == 0
    return count >= most


def _separators(text: str) -> int:
    return text.count(",") + text.count("{") + text.count("[")


def submessages(descriptor: Any) -> Known:  # noqa: ANN401 - a Descriptor; protobuf has no types
    """The submessages of the message with this descriptor, and theirs; recursive ones refer to themselves."""
    return _submessages(descriptor, {})


def _submessages(descriptor: Any, seen: dict[str, Known]) -> Known:  # noqa: ANN401 - a Descriptor
    if descriptor.full_name not in seen:
        known = seen[descriptor.full_name] = {}
        for field in descriptor.fields:
            if field.message_type is not None:
                known[field.number << 3 | _LENGTH] = _submessages(field.message_type, seen)
    return seen[descriptor.full_name]


def has_more_messages(body: bytes | bytearray, known: Known, most: int) -> bool:  # noqa: C901 - calls would double its time
    """Whether a protobuf message has more than `most` submessages of any level.

    It takes 0.2 µs per field of bodies that are long enough for that.

    Raises:
        ValueError: it is not protobuf, or cut off.
    """
    if len(body) <= _SHORTEST * most:
        return False
    count, open_messages = 0, [(0, len(body), known)]
    try:
        while open_messages:
            at, end, inside = open_messages.pop()
            while at < end:
                tag = body[at]  # numbers of one byte, as most are, without a call: half the time
                at += 1
                if tag >= _MORE:
                    tag, at = _varint(body, at - 1)
                if tag & 7 != _LENGTH:
                    at = _after_number(body, at, tag & 7)
                    continue
                size = body[at]
                at += 1
                if size >= _MORE:
                    size, at = _varint(body, at - 1)
                if tag in inside:
                    count += 1
                    if count > most:
                        return True
                    if size > 1:
                        open_messages.append((at, at + size, inside[tag]))
                at += size
            if at > end:
                raise ValueError("a field is longer than its message")
    except IndexError as error:
        raise ValueError("it is cut off") from error
    return False


def _after_number(body: bytes | bytearray, at: int, kind: int) -> int:
    """The offset behind a number of this wire type."""
    if kind == _FIXED_64:
        return at + 8
    if kind == _VARINT:
        return at + 1 if body[at] < _MORE else _varint(body, at)[1]
    if kind == _FIXED_32:
        return at + 4
    if kind not in _GROUPS:
        raise ValueError("a wire type is unknown")
    return at


def _varint(body: bytes | bytearray, at: int) -> tuple[int, int]:
    """The number at this offset, and the offset behind it."""
    number = 0
    for index in range(_LONGEST_VARINT):
        byte = body[at + index]
        number |= (byte & (_MORE - 1)) << (7 * index)
        if byte < _MORE:
            return number, at + index + 1
    raise ValueError("a number is too long")
