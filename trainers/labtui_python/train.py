"""Loads a user's file once per process and trains with a function of it."""

from __future__ import annotations

import difflib
import hashlib
import os
import sys
from types import ModuleType
from typing import Any, Callable, Dict

from labtui.trainer.trial import Trial

_loaded: Dict[str, ModuleType] = {}


def train(trial: Trial) -> None:
    """Call the function ``trial.options["function"]`` of ``trial.options["file"]`` with `trial`.

    The file is relative to the current folder, which is the study's. What the function returns is
    ignored: results are what it gives to `trial.log`.

    Raises:
        FileNotFoundError: Without that file.
        AttributeError: Without that function.
        TypeError: When what has that name cannot be called.
    """
    function(load(trial.options["file"]), trial.options.get("function", "train"))(trial)


def load(file: str) -> ModuleType:
    """Import `file` under the name ``labtui_user_`` + its stem, once per process.

    The bytes that are hashed are the bytes that are compiled, so ``__labtui_sha256__`` vouches for
    what runs even when the file is edited meanwhile. Its folder joins the import path.
    """
    path = os.path.realpath(file)
    if path in _loaded:
        return _loaded[path]
    try:
        with open(path, "rb") as source:
            data = source.read()
    except OSError as error:
        raise FileNotFoundError(f"trainer: {_missing(file, path)}") from error
    folder, base = os.path.split(path)
    name = f"labtui_user_{os.path.splitext(base)[0]}"
    module = ModuleType(name)
    module.__file__ = path
    module.__dict__["__labtui_sha256__"] = hashlib.sha256(data).hexdigest()
    code = compile(data, path, "exec", dont_inherit=True)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    # Registered before it runs, as an import does: dataclasses and pickles look there.
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    _loaded[path] = module
    return module


def function(module: ModuleType, name: str) -> Callable[[Trial], Any]:
    """Find the function `name` in the user's module."""
    found = getattr(module, name, None)
    if callable(found):
        return found  # type: ignore[no-any-return]
    if hasattr(module, name):
        kind = type(found).__name__
        raise TypeError(f"trainer: found {name} = {kind} in {module.__file__}; expected a function")
    names = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
    hint = _nearest(name, names)
    raise AttributeError(f"trainer: found no function {name!r} in {module.__file__}{hint}")


def _missing(file: str, path: str) -> str:
    folder = os.path.dirname(path)
    try:
        names = [name for name in os.listdir(folder) if name.endswith(".py")]
    except OSError:
        return f"found no folder {folder}; expected it to hold {os.path.basename(path)}"
    return f"found no file {file!r} in {folder}{_nearest(os.path.basename(path), names)}"


def _nearest(found: str, names: Any) -> str:
    close = difflib.get_close_matches(found, sorted(names), 1)
    return f"; did you mean {close[0]!r}?" if close else ""
