"""A disk that keeps what was synced and any part of what was not, and what was written to it.

`record` runs a program and notes every write, sync and change of the folder that it makes to a few
files, in order, as the kernel sees them; `Disk` takes these and gives what a power cut could leave.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
"""Bytes that reach a disk together; a write of several sectors may be torn between any two."""

STRACE = shutil.which("strace")
CALLS = "openat,pwrite64,write,ftruncate,fdatasync,fsync,unlink"
LINE = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
HANDLE = re.compile(r"^\d+<([^>]*)>")
STRING = re.compile(r'"([^"]*)"')


@dataclass(frozen=True)
class Call:
    """A system call on one file: `what` of the CALLS, with the bytes and the place it names."""

    what: str
    path: str
    data: bytes = b""
    place: int = 0


def record(command: Sequence[str], files: Sequence[Path], trace: Path, **options) -> int:
    """Run a command and note what it does to these files; gives its exit code."""
    only = [argument for file in files for argument in ("-P", str(file))]
    how = ["-f", "-qq", "-y", "-xx", "-s", "100000", "--seccomp-bpf", "-e", "signal=none"]
    return subprocess.run(
        [STRACE, *how, "-e", f"trace={CALLS}", "-o", str(trace), *only, *command],
        check=False,
        **options,
    ).returncode


def calls(trace: Path) -> Iterator[Call]:
    """Read the calls that succeeded, in order."""
    with trace.open() as file:
        for line in _whole(file):
            found = LINE.match(line)
            if found is None or int(found[3]) < 0:
                continue
            what, arguments = found[1], found[2]
            if what in ("openat", "unlink"):
                if what == "unlink" or "O_CREAT" in arguments:
                    yield Call(what, _bytes(STRING.search(arguments)[1]).decode())
                continue
            path = _bytes(HANDLE.match(arguments)[1]).decode().removesuffix(" (deleted)")
            text = STRING.search(arguments)
            data = _bytes(text[1])[: int(found[3])] if text else b""
            tail = arguments.rpartition(",")[2].strip()
            yield Call(what, path, data, int(tail) if what in ("pwrite64", "ftruncate") else 0)


def _whole(lines: Iterator[str]) -> Iterator[str]:
    """Put calls together that were noted in two parts, since another process came between."""
    begun: dict[str, str] = {}
    for line in lines:
        pid = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>\n"):
            begun[pid] = line.removesuffix("<unfinished ...>\n")
        elif " resumed>" in line[:60]:
            yield begun.pop(pid, "") + line.partition(" resumed>")[2]
        else:
            yield line


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass
class Inode:
    """A file: what is on the disk for certain, and what was written since."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[Call] = field(default_factory=list)

    def sync(self) -> None:
        """Make certain what was written."""
        for call in self.pending:
            if call.what == "ftruncate":
                _resize(self.synced, call.place)
            else:
                _put(self.synced, call.place, call.data)
        self.pending = []

    def after_a_cut(self, rng: random.Random, share: float) -> bytearray:
        """Give what could be on the disk: of what was not synced about `share`, in any order."""
        content = bytearray(self.synced)
        for call in self.pending:
            if call.what == "ftruncate":
                if rng.random() < share:
                    _resize(content, call.place)
                continue
            start, end = call.place, call.place + len(call.data)
            while start < end:
                stop = min(end, start - start % SECTOR + SECTOR)
                if rng.random() < share:
                    _put(content, start, call.data[start - call.place : stop - call.place])
                start = stop
        return content


def _resize(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


def _put(content: bytearray, place: int, data: bytes) -> None:
    end = place + len(data)
    if len(content) < end:
        _resize(content, end)
    content[place:end] = data


class Disk:
    """The files of one folder, as calls change them."""

    def __init__(self, folder: Path) -> None:
        """Begin with an empty folder."""
        self._folder = str(folder)
        self._names: dict[str, Inode] = {}  # as programs see them
        self._synced: dict[str, Inode] = {}  # the entries of the folder that are certain

    def take(self, call: Call) -> None:
        """Carry out a call."""
        if call.path == self._folder:
            if call.what in ("fsync", "fdatasync"):
                self._synced = dict(self._names)
            return
        if not call.path.startswith(self._folder + "/"):
            return
        name = call.path.removeprefix(self._folder + "/")
        if call.what == "unlink":
            self._names.pop(name, None)
        elif call.what == "openat":
            self._names.setdefault(name, Inode())
        elif name in self._names:
            inode = self._names[name]
            if call.what in ("fsync", "fdatasync"):
                inode.sync()
            elif call.what in ("pwrite64", "ftruncate"):
                inode.pending.append(call)

    def cut(self, target: Path, rng: random.Random) -> None:
        """Write into the folder `target` what the disk could hold after a power cut."""
        share = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        for name in self._names.keys() | self._synced.keys():
            now, then = self._names.get(name), self._synced.get(name)
            inode = now if now is then or rng.random() < share else then
            if inode is not None:
                (target / name).write_bytes(inode.after_a_cut(rng, share))
        if rng.random() < 0.5:  # the shared memory is a file too, and means nothing afterwards
            (target / "lab.db-shm").write_bytes(rng.randbytes(32768))
