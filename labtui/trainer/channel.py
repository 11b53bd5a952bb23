"""The wire between a worker and the runner: frames on a local stream socket.

A frame is one byte of kind, four bytes of length, and the payload: ``J`` a JSON message, ``P`` a
block of points of one lane (three parallel arrays: metric index, step, value). Both ends run on one
machine.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from array import array
from typing import Any, Dict, Iterator, Optional, Tuple

HEADER = struct.Struct("<cI")
LANE = struct.Struct("<q")
MESSAGE = b"J"
POINTS = b"P"
LARGEST = 1 << 24
"""Bytes of a frame from a worker: a block of points has 0.1 MB, the end of a trial with a traceback
and the hashes of 10,000 files 2 MB. More is not from labtui's own code."""

CUT_OFF = 76
"""Exit code of a worker whose end of the connection was closed by what it trained."""

WORN_OUT = 75
"""Exit code of a worker that cannot be made what it was: its next trial is for another."""

_ROW = array("i").itemsize + array("q").itemsize + array("d").itemsize

Points = Tuple["array[int]", "array[int]", "array[float]"]


def pack_message(message: Dict[str, Any]) -> bytes:
    """Frame a JSON message."""
    payload = json.dumps(message).encode("utf-8", "surrogatepass")
    return HEADER.pack(MESSAGE, len(payload)) + payload


def pack_points(lane: int, metrics: array[int], steps: array[int], values: array[float]) -> bytes:
    """Frame a block of n points of a lane: metric index, step and value, each of length n."""
    return b"".join(
        (
            HEADER.pack(POINTS, LANE.size + len(steps) * _ROW),
            LANE.pack(lane),
            steps.tobytes(),
            values.tobytes(),
            metrics.tobytes(),
        )
    )


def unpack_points(payload: bytes) -> Tuple[int, Points]:
    """Turn the payload of a block back into its lane, and metric indices, steps and values."""
    (lane,) = LANE.unpack_from(payload)
    payload = payload[LANE.size :]
    count = len(payload) // _ROW
    steps, values, metrics = array("q"), array("d"), array("i")
    steps.frombytes(payload[: 8 * count])
    values.frombytes(payload[8 * count : 16 * count])
    metrics.frombytes(payload[16 * count :])
    return lane, (metrics, steps, values)


class FrameBuffer:
    """Cuts a byte stream into frames."""

    def __init__(self, most: Optional[int] = None) -> None:
        """Start with nothing received; no payload is to have more than `most` bytes."""
        self._bytes = bytearray()
        self._most = most

    def feed(self, data: bytes) -> Iterator[Tuple[bytes, bytes]]:
        """Yield (kind, payload) of every frame that is complete with `data`.

        Raises:
            ValueError: This is no frame. Nothing that follows is one either.
        """
        self._bytes += data
        at = 0
        try:
            while len(self._bytes) - at >= HEADER.size:
                kind, length = HEADER.unpack_from(self._bytes, at)
                if kind not in (MESSAGE, POINTS):
                    raise ValueError(f"found a frame of kind {kind!r}")
                if self._most is not None and length > self._most:
                    raise ValueError(f"found a frame of {length:,} bytes")
                begin, end = at + HEADER.size, at + HEADER.size + length
                if len(self._bytes) < end:
                    break
                at = end
                yield kind, bytes(self._bytes[begin:end])
        finally:
            del self._bytes[:at]


class Forked(RuntimeError):
    """A copy of the worker, forked by the trainer, reports: two cannot share one connection."""


class Channel:
    """The worker's end: blocking, and safe to send on from several threads."""

    def __init__(self, stream: socket.socket) -> None:
        """Take over a connected socket."""
        self._stream = stream
        self._file = os.fstat(stream.fileno())
        self._sending = threading.Lock()
        self._frames = FrameBuffer()
        self.severed = False

    def send(self, frame: bytes) -> None:
        """Send one frame whole; blocks while the runner is behind (back-pressure)."""
        if self.severed:
            raise Forked("found a report of a forked process")
        with self._sending:
            self._stream.sendall(frame)

    @property
    def is_held(self) -> bool:
        """Whether the connection is still this process's own: a trainer may close any file."""
        try:
            return os.path.samestat(os.fstat(self._stream.fileno()), self._file)
        except OSError:
            return False

    def sever(self) -> None:
        """Let go of the connection in a forked copy of this process: it belongs to the original."""
        self.severed = True
        self._stream.close()

    def receive(self) -> Iterator[Dict[str, Any]]:
        """Yield the runner's messages until it closes its end."""
        while True:
            try:
                data = self._stream.recv(65536)
            except OSError:
                return
            if not data:
                return
            for _, payload in self._frames.feed(data):
                yield json.loads(payload)
