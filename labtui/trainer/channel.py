"""The wire between a worker and the runner: frames on a local stream socket.

A frame is one byte of kind, four bytes of length, and the payload: ``J`` a JSON message, ``P`` a
block of points of one lane (three parallel arrays: metric index, step, value). Both ends run on one
machine.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from array import array
from typing import Any, Dict, Iterator, Tuple

HEADER = struct.Struct("<cI")
LANE = struct.Struct("<q")
MESSAGE = b"J"
POINTS = b"P"
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

    def __init__(self) -> None:
        """Start with nothing received."""
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[Tuple[bytes, bytes]]:
        """Yield (kind, payload) of every frame that is complete with `data`."""
        self._bytes += data
        at = 0
        while len(self._bytes) - at >= HEADER.size:
            kind, length = HEADER.unpack_from(self._bytes, at)
            end = at + HEADER.size + length
            if len(self._bytes) < end:
                break
            yield kind, bytes(self._bytes[at + HEADER.size : end])
            at = end
        del self._bytes[:at]


class Channel:
    """The worker's end: blocking, and safe to send on from several threads."""

    def __init__(self, stream: socket.socket) -> None:
        """Take over a connected socket."""
        self._stream = stream
        self._sending = threading.Lock()
        self._frames = FrameBuffer()

    def send(self, frame: bytes) -> None:
        """Send one frame whole; blocks while the runner is behind (back-pressure)."""
        with self._sending:
            self._stream.sendall(frame)

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
