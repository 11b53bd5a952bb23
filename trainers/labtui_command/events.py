"""Reports from TensorBoard event files: scalars, read without TensorBoard or protobuf.

A record is a length (8 bytes), its masked CRC-32C (4), the data, and theirs (4). The data are a
protobuf message `Event` (wall_time = 1, step = 2, summary = 5); a summary has values (1), and a
value a tag (1) and either simple_value (2, a float) or a tensor (8) of one number.
"""

from __future__ import annotations

import os
import struct
from typing import Dict, Iterator, List, Optional, Tuple, Union

from labtui_command.errors import CommandError
from labtui_command.reports import Report, read_step

HEADER = struct.Struct("<QI")
FOOTER = struct.Struct("<I")
LARGEST = 1 << 16  # bytes of a record that may hold scalars; images and graphs are passed over
BLOCK = 1 << 22
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


class EventsTail:
    """The scalars that are added to the event files in a folder, each once.

    Those of a folder inside it are called ``folder/tag``, as Keras writes ``train`` and
    ``validation``. Files that were there before the program started are not read.

    Attributes:
        warnings: What the person should know.
    """

    def __init__(self, path: str) -> None:
        """Watch the folder (or the one file) `path`, which need not be there yet."""
        self.path = path
        self.warnings: List[str] = []
        self._old = set(self._files())
        self._open: Dict[str, _EventFile] = {}

    def read(self, *, ended: bool = False, whole: bool = True) -> Iterator[Report]:
        """Give the scalars that were added; once `ended`, what is half written is a fault.

        Raises:
            CommandError: A step that cannot be one.
        """
        for path in self._files():
            if path in self._old:
                continue
            if path not in self._open:
                folder = os.path.relpath(os.path.dirname(path), self.path)
                inside = os.path.isdir(self.path) and folder != os.curdir
                prefix = f"{folder}/".replace(os.sep, "/") if inside else ""
                self._open[path] = _EventFile(path, prefix)
            file = self._open[path]
            yield from file.read(ended=ended)
            if file.fault:
                self.warnings.append(file.fault)
                file.fault = ""

    def _files(self) -> List[str]:
        if os.path.isfile(self.path):
            return [self.path]
        return sorted(
            os.path.join(folder, name)
            for folder, _, names in os.walk(self.path)
            for name in names
            if "tfevents" in name
        )


class _EventFile:
    """One event file, read as it grows, up to the first record that is not whole."""

    def __init__(self, path: str, prefix: str) -> None:
        self.fault = ""
        self._path = path
        self._prefix = prefix
        self._at = 0  # where the next record begins
        self._stopped = False

    def read(self, *, ended: bool) -> Iterator[Report]:
        if self._stopped or os.path.getsize(self._path) == self._at:
            return
        with open(self._path, "rb") as file:
            while not self._stopped:
                file.seek(self._at)
                data = file.read(BLOCK)
                begun = self._at
                for record in self._records(data, file.seek(0, os.SEEK_END)):
                    yield from self._reports(record)
                if self._at == begun:
                    break
            if ended and not self._stopped and self._at < os.path.getsize(self._path):
                self._stop("its last record is cut off")

    def _records(self, data: bytes, size: int) -> Iterator[bytes]:
        """Give the whole records at the beginning of `data`; large ones are passed over."""
        begun = self._at
        while len(data) - (self._at - begun) >= HEADER.size:
            at = self._at - begun
            length, crc = HEADER.unpack_from(data, at)
            if masked_crc(data[at : at + 8]) != crc:
                self._stop("the checksum of a length is wrong")
                return
            end = at + HEADER.size + length + FOOTER.size
            if length > LARGEST:
                if begun + end > size:
                    return
                self._at = begun + end
                continue
            if end > len(data):
                return
            record = data[at + HEADER.size : end - FOOTER.size]
            if masked_crc(record) != FOOTER.unpack_from(data, end - FOOTER.size)[0]:
                self._stop("the checksum of a record is wrong")
                return
            self._at = begun + end
            yield record

    def _reports(self, record: bytes) -> Iterator[Report]:
        step, summaries = 0, []
        for number, value in _fields(record):
            if number == 2 and isinstance(value, int):
                step = value - (1 << 64) if value >> 63 else value
            elif number == 5 and isinstance(value, bytes):
                summaries.append(value)
        found = dict(scalar for summary in summaries for scalar in _scalars(summary))
        if found:
            try:
                step = read_step(step)
            except CommandError as error:
                place = f"{os.path.basename(self._path)}, record before byte {self._at}"
                raise CommandError(f"{place}: {error}") from error
            yield Report(step, {self._prefix + tag: value for tag, value in found.items()})

    def _stop(self, why: str) -> None:
        self._stopped = True
        name = os.path.basename(self._path)
        self.fault = f"{name}: stopped at byte {self._at}: {why}; what is before it was kept"


def _scalars(summary: bytes) -> Iterator[Tuple[str, float]]:
    for number, value in _fields(summary):
        if number == 1 and isinstance(value, bytes):
            tag, scalar = "", None
            for inner, field in _fields(value):
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
    for number, value in _fields(data):
        if number == 1 and isinstance(value, int):
            kind = value
        elif number in (4, 5, 6) and isinstance(value, bytes):
            content += value
    form = _FORMATS.get(kind)
    if form is None or len(content) != struct.calcsize(form):
        return None
    return float(struct.unpack(form, content)[0])


def _fields(data: bytes) -> Iterator[Tuple[int, Field]]:
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
