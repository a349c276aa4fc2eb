"""The fields of a message of protocol buffers, in which sentencepiece writes its models."""

import struct
from collections.abc import Iterator

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def fields_of(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and the content of each field: numbers as they are, all else as bytes.

    Raises a ValueError for bytes that are no message.
    """
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        if place + length > len(message):
            raise ValueError("the message ends within a field")
        yield number, message[place : place + length]
        place += length


def field_of(number: int, content: float | bytes) -> bytes:
    """Return the bytes of a field: of a whole number, one of four bytes, or a text or message."""
    if isinstance(content, bytes):
        return _written((number << 3) | _BYTES) + _written(len(content)) + content
    if isinstance(content, float):
        return _written((number << 3) | _FOUR_BYTES) + struct.pack("<f", content)
    return _written((number << 3) | _VARINT) + _written(content)


def _written(value: int) -> bytes:
    """Return a number in seven bits a byte."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and the place after it."""
    value = shift = 0
    while True:
        if place >= len(message) or shift > 63:
            raise ValueError("the message ends within a number")
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
