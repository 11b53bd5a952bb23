"""Which states of a trial are kept, and how one reaches the disk whole or not at all.

The newest state and the N best (P36) are held; they are written at most every `interval` seconds,
when the trial is stopped, and at its end. A checkpoint is a folder written beside its place, synced
and renamed in; its manifest carries size and SHA-256 of every file.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sys
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

Save = Union[bytes, Callable[[str], None]]
Examples = Sequence[Mapping[str, Any]]
Predictions = Union[Examples, Callable[[], Examples]]
MANIFEST = "manifest.json"
DATA = "state"
PREDICTIONS = "predictions.json"
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class Checkpoint:
    """One held or written state: `step` updates done, objective `value` there (None if unknown)."""

    def __init__(
        self, step: int, value: Optional[float], data: Optional[bytes], folder: Optional[str]
    ) -> None:
        """Hold `data` in memory, or name the `folder` it was staged or written to."""
        self.step = step
        self.value = value
        self.data = data
        self.folder = folder
        self.predictions: Optional[bytes] = None
        self.written = False


class Keeper:
    """Keeps the newest and the `keep` best states of one attempt at a trial."""

    def __init__(
        self,
        root: str,
        attempt: int,
        *,
        keep: int,
        minimize: bool,
        announce: Callable[[Dict[str, Any]], None],
        kept: Optional[List[Dict[str, Any]]] = None,
        interval: float = 30.0,
    ) -> None:
        """Start with the checkpoints `kept` by earlier attempts (dicts of step, value, folder)."""
        self._root = root
        self._attempt = attempt
        self._keep = keep
        self._sign = 1.0 if minimize else -1.0
        self._announce = announce
        self._interval = interval
        self._last_write = time.monotonic()
        self._latest: Optional[Checkpoint] = None
        self._best: List[Checkpoint] = []
        for row in kept or []:
            state = Checkpoint(row["step"], row["value"], None, row["folder"])
            state.written = True
            self._latest = state
            if state.value is not None:
                self._best.append(state)
        self._trim()

    def offer(
        self,
        step: int,
        save: Save,
        value: Optional[float],
        *,
        final: bool,
        predictions: Optional[Predictions] = None,
    ) -> None:
        """Take the state after `step` updates, with predictions if it is among the best (P43).

        Bytes are held in memory. A callable can only save the model as it is now, so it is called
        at once, into an unsynced folder, when the state is among the best or is due to be written.
        """
        best = self._among_best(value)
        due = final or time.monotonic() - self._last_write >= self._interval
        if isinstance(save, (bytes, bytearray, memoryview)):
            state = Checkpoint(step, value, bytes(save), None)
        elif due or best:
            try:
                state = Checkpoint(step, value, None, self._stage(step, save))
            except OSError as error:
                if not self._is_of_the_disk(error):
                    raise
                self._give_up(step, error)
                return
        else:
            return
        if best and predictions is not None:
            state.predictions = _shown(predictions)
        self._latest = state
        if value is not None:
            self._best.append(state)
        self._trim()
        if due:
            self.write()

    def write(self) -> None:
        """Write what is held and not yet on the disk, and announce what is kept."""
        self._last_write = time.monotonic()
        held = self._held()
        fresh = [state for state in held if not state.written]
        for state in fresh:
            try:
                self._announce(self._commit(state))
            except OSError as error:
                if not self._is_of_the_disk(error):
                    raise
                self._give_up(state.step, error)
                if state.folder is not None:  # it was saved there alone, and is gone
                    self._best = [held for held in self._best if held is not state]
                    self._latest = None if self._latest is state else self._latest
                return  # older ones stay as they are
        if fresh:
            best = {state.step for state in self._best}
            self._announce({"kind": "kept", "steps": [s.step for s in held], "best": sorted(best)})

    def _is_of_the_disk(self, error: OSError) -> bool:
        """Say whether there is no room, or no right to write here: not the trainer's fault."""
        mine = str(error.filename).startswith(self._root)
        return error.errno in (*DISK_FULL, errno.EFBIG) or (error.errno in FORBIDDEN and mine)

    def _give_up(self, step: int, error: OSError) -> None:
        """Go on training without this checkpoint: the disk is full, or may not be written."""
        shutil.rmtree(self._staging(step), ignore_errors=True)
        with contextlib.suppress(OSError):  # the log may lie on the same disk
            print(
                f"checkpoint at step {step} was not written: {error.strerror}; "
                "older ones are kept and training goes on",
                file=sys.stderr,
                flush=True,
            )

    def discard(self) -> None:
        """Remove what was staged and never written."""
        for state in self._held():
            if state.folder and not state.written:
                shutil.rmtree(state.folder, ignore_errors=True)

    def _held(self) -> List[Checkpoint]:
        states = {state.step: state for state in self._best}
        if self._latest is not None:
            states[self._latest.step] = self._latest
        return [states[step] for step in sorted(states)]

    def _rank(self, state: Checkpoint) -> Tuple[float, int]:
        return (self._sign * (state.value or 0.0), state.step)

    def _among_best(self, value: Optional[float]) -> bool:
        if value is None or not self._keep:
            return False
        if len(self._best) < self._keep:
            return True
        return self._sign * value < self._sign * (self._best[-1].value or 0.0)

    def _trim(self) -> None:
        self._best.sort(key=self._rank)
        dropped, self._best = self._best[self._keep :], self._best[: self._keep]
        for state in dropped:
            if state is not self._latest and state.folder and not state.written:
                shutil.rmtree(state.folder, ignore_errors=True)

    def _staging(self, step: int) -> str:
        return os.path.join(self._root, f"tmp-{self._attempt}-{step}")

    def _stage(self, step: int, save: Callable[[str], None]) -> str:
        folder = self._staging(step)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        path = os.path.join(folder, DATA)
        save(path)
        if not os.path.exists(path):  # some libraries append an extension of their own
            found = ", ".join(sorted(os.listdir(folder))) or "nothing"
            raise FileNotFoundError(f"checkpoint: found {found}; expected it saved to {path}")
        return folder

    def _commit(self, state: Checkpoint) -> Dict[str, Any]:
        staged = state.folder
        if staged is None:
            data = state.data or b""

            def save(path: str) -> None:
                with open(path, "wb") as file:
                    file.write(data)

            staged = self._stage(state.step, save)
        if state.predictions is not None:
            with open(os.path.join(staged, PREDICTIONS), "wb") as file:
                file.write(state.predictions)
        files = _manifest(staged)
        manifest = {"format": 1, "step": state.step, "files": files}
        _write_synced(os.path.join(staged, MANIFEST), json.dumps(manifest).encode())
        _sync_folder(staged)
        name = f"a{self._attempt}-s{state.step}"
        target = os.path.join(self._root, name)
        shutil.rmtree(target, ignore_errors=True)
        os.rename(staged, target)
        _sync_folder(self._root)
        _sync_folder(os.path.dirname(os.path.abspath(self._root)))  # it may be a trial's first
        state.folder, state.data, state.written = target, None, True
        return {
            "kind": "checkpoint",
            "step": state.step,
            "value": state.value,
            "folder": name,
            "size": sum(f["size"] for f in files.values()),
            "sha256": hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest(),
        }


def _shown(predictions: Predictions) -> bytes:
    """Write predictions down as JSON; numbers of a framework become plain ones."""
    examples = predictions() if callable(predictions) else predictions
    return json.dumps(list(examples), default=_plain).encode()


def _plain(value: Any) -> Any:
    for convert in ("tolist", "item"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    raise TypeError(f"predictions: found {type(value).__name__}; expected what JSON can hold")


def _manifest(folder: str) -> Dict[str, Dict[str, Any]]:
    """Sync every file below `folder` and describe it by size and SHA-256."""
    files: Dict[str, Dict[str, Any]] = {}
    for base, folders, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            digest = hashlib.sha256()
            with open(path, "rb") as file:
                for block in iter(lambda: file.read(1 << 20), b""):
                    digest.update(block)
                os.fsync(file.fileno())
                size = file.tell()
            relative = os.path.relpath(path, folder).replace(os.sep, "/")
            files[relative] = {"size": size, "sha256": digest.hexdigest()}
        for name in folders:
            _sync_folder(os.path.join(base, name))
    return files


def is_whole(folder: str) -> bool:
    """Say whether a written checkpoint still is what its manifest says."""
    try:
        with open(os.path.join(folder, MANIFEST), "rb") as file:
            files = json.loads(file.read())["files"]
        for name, expected in files.items():
            if os.path.isabs(name) or ".." in name.split("/"):
                return False  # another's file: it need not even end
            with open(os.path.join(folder, name), "rb") as file:
                data = file.read()
            found = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            if found != expected:
                return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return True


def _write_synced(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: str) -> None:
    if os.name == "nt":  # pragma: no cover - folders cannot be opened there
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
