"""Runs a user's script as ``__main__``, anew for each trial: ``trainer: {script: train.py}``.

The process stays: what the script imported is imported for the next trial too.
"""

from __future__ import annotations

import gc
import importlib.util
import linecache
import os
import sys
from types import CodeType, ModuleType
from typing import Dict, Sequence

from labtui.trainer.current import was_asked
from labtui_python.files import read
from labtui_python.state import put_back

_compiled: Dict[str, CodeType] = {}
_modules = 0  # how many there were when libraries were last set aside


class ScriptError(Exception):
    """A script ended as no training does."""


def run(file: str, argv: Sequence[str] = ()) -> None:
    """Run `file`, relative to the current folder, as ``python file argv…`` would.

    Raises:
        FileNotFoundError: Without that file.
        ScriptError: It left by `sys.exit` with a message or code, or never asked for its trial.
    """
    path = os.path.realpath(file)
    code = _load(file, path)
    _collect()
    module = ModuleType("__main__")
    module.__file__ = path
    with put_back():
        sys.modules["__main__"] = module
        sys.argv = [file, *argv]
        sys.path.insert(0, os.path.dirname(path))
        try:
            exec(code, module.__dict__)
        except SystemExit as end:
            if end.code not in (None, 0):
                raise ScriptError(_farewell(file, end.code)) from end
    if not was_asked():
        raise ScriptError(
            f"{file} ended without asking for its trial; "
            "expected `trial = labtui.current_trial()` and `trial.log(step, …)` in it"
        )


def _collect() -> None:
    """Free what the last trial left in cycles, models and loaders, before more come.

    The libraries are set aside, and again whenever there are more: to look through torch anew would
    take 0.1 s a trial.
    """
    global _modules
    if len(sys.modules) == _modules:
        gc.collect()
        return
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    _modules = len(sys.modules)


def _load(file: str, path: str) -> CodeType:
    """Compile a script, once per process: the pool replaces a worker whose files were edited."""
    if path not in _compiled:
        source = read(file)
        code = source.compile()
        # By this name the worker knows which bytes trained, and Python which lines they are.
        name = f"labtui_script:{path}"
        record = ModuleType(name)
        record.__file__ = path
        record.__dict__["__labtui_sha256__"] = source.sha256
        sys.modules[name] = record
        lines = importlib.util.decode_source(source.data).splitlines(keepends=True)
        linecache.cache[path] = (len(source.data), None, lines, path)
        _compiled[path] = code
    return _compiled[path]


def _farewell(file: str, code: object) -> str:
    if isinstance(code, int):
        return f"{file} ended itself with exit code {code}; its log has what it printed"
    return f"{file} ended itself: {code}"
