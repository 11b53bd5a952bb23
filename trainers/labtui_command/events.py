"""Reports from TensorBoard event files, as they grow."""

from __future__ import annotations

import os
from typing import Dict, Iterator, List

from labtui.trainer.eventfile import FOOTER, HEADER, Event, masked_crc, scalars
from labtui_command.errors import CommandError
from labtui_command.reports import Report, read_step

LARGEST = 1 << 16  # bytes of a record that may hold scalars; images and graphs are passed over
BLOCK = 1 << 22


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
        event = Event(record)
        found = dict(scalar for summary in event.summaries for scalar in scalars(summary))
        if found:
            try:
                step = read_step(event.step)
            except CommandError as error:
                place = f"{os.path.basename(self._path)}, record before byte {self._at}"
                raise CommandError(f"{place}: {error}") from error
            yield Report(step, {self._prefix + tag: value for tag, value in found.items()})

    def _stop(self, why: str) -> None:
        self._stopped = True
        name = os.path.basename(self._path)
        self.fault = f"{name}: stopped at byte {self._at}: {why}; what is before it was kept"
