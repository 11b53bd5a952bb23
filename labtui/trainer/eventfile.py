"""TensorBoard event files: their records and the scalars in them, without TensorBoard or protobuf.

A record is a length (8 bytes), its masked CRC-32C (4), the data, and theirs (4). The data are a
protobuf message `Event` (wall_time = 1, step = 2, summary = 5); a summary has values (1), and a
value a tag (1) and either simple_value (2, a float) or a tensor (8) of one number.
"""

from __future__ import annotations

import struct
from typing import Iterator, List, Optional, Tuple, Union

HEADER = struct.Struct("<QI")
FOOTER = struct.Struct("<I")
_FLOAT, _DOUBLE = 1, 2  # of tensorflow's DataType
_FORMATS = {_FLOAT: "<f", _DOUBLE: "<d"}
Field = Union[int, bytes]


def _make_table() -> List[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = (number >> 1) ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


_TABLE = _make_table()


def masked_crc(data: bytes) -> int:
    """Give the masked CRC-32C of a record's part."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


class Event:
    """What one record says.

    Attributes:
        step: Its step, which may be negative.
        summaries: Its `Summary` messages.
    """

    __slots__ = ("step", "summaries")

    def __init__(self, record: bytes) -> None:
        """Read a record's data."""
        self.step = 0
        self.summaries: List[bytes] = []
        for number, value in fields(record):
            if number == 2 and isinstance(value, int):
                self.step = value - (1 << 64) if value >> 63 else value
            elif number == 5 and isinstance(value, bytes):
                self.summaries.append(value)


def scalars(summary: bytes) -> Iterator[Tuple[str, float]]:
    """Give tag and value of every scalar in a `Summary`."""
    for number, value in fields(summary):
        if number == 1 and isinstance(value, bytes):
            tag, scalar = "", None
            for inner, field in fields(value):
                if inner == 1 and isinstance(field, bytes):
                    tag = field.decode("utf-8", "replace")
                elif inner == 2 and isinstance(field, bytes):
                    scalar = float(struct.unpack("<f", field)[0])
                elif inner == 8 and isinstance(field, bytes):
                    scalar = _tensor(field)
            if tag and scalar is not None:
                yield tag, scalar


def _tensor(data: bytes) -> Optional[float]:
    """Give the number in a tensor of one float or double (content = 4, values = 5 and 6)."""
    kind, content = 0, b""
    for number, value in fields(data):
        if number == 1 and isinstance(value, int):
            kind = value
        elif number in (4, 5, 6) and isinstance(value, bytes):
            content += value
    form = _FORMATS.get(kind)
    if form is None or len(content) != struct.calcsize(form):
        return None
    return float(struct.unpack(form, content)[0])


def fields(data: bytes) -> Iterator[Tuple[int, Field]]:
    """Give number and value of a message's fields: integers, or bytes for all the others."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            length, at = _varint(data, at)
        else:
            length = {1: 8, 5: 4}.get(kind, len(data))  # groups are not used
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> Tuple[int, int]:
    number = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return number, at
