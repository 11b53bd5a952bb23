"""Trains with a user's file: with a function of it, loaded once per process, or by running it."""

from __future__ import annotations

import importlib.util
import os
import sys
from types import ModuleType
from typing import Any, Callable, Dict

from labtui.trainer.trial import Trial
from labtui_python.files import nearest, read
from labtui_python.script import run
from labtui_python.state import put_back_after_call

_loaded: Dict[str, ModuleType] = {}


def train(trial: Trial) -> None:
    """Run the ``script`` that `trial.options` names, or call ``function`` of its ``file``.

    Both are relative to the current folder, which is the study's. What a function returns is
    ignored: results are what is given to `trial.log`.

    Raises:
        FileNotFoundError: Without that file.
        AttributeError: Without that function.
        TypeError: When what has that name cannot be called.
        ScriptError: When a script fails without an exception.
    """
    if "script" in trial.options:
        run(trial.options["script"], trial.options.get("argv", ()))
    else:
        call = function(load(trial.options["file"]), trial.options.get("function", "train"))
        with put_back_after_call():
            call(trial)


def load(file: str) -> ModuleType:
    """Import `file` under the name of its stem, once per process.

    So the processes that it starts can import it too: those of a loader or a pool are sent names.
    One that is another module's name gets the prefix ``labtui_user_``.

    The bytes that are hashed are the bytes that are compiled, so ``__labtui_sha256__`` vouches for
    what runs even when the file is edited meanwhile. Its folder joins the import path.
    """
    path = os.path.realpath(file)
    if path in _loaded:
        return _loaded[path]
    source = read(file)
    folder, base = os.path.split(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = _name(path, os.path.splitext(base)[0])
    module = ModuleType(name)
    module.__file__ = path
    module.__dict__["__labtui_sha256__"] = source.sha256
    code = source.compile()
    # Registered before it runs, as an import does: dataclasses and pickles look there.
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    _loaded[path] = module
    return module


def _name(path: str, stem: str) -> str:
    """Give the name under which anybody who imports it finds this very file."""
    free = f"labtui_user_{stem}"
    if stem in sys.modules or not stem.isidentifier():
        return free
    try:
        found = importlib.util.find_spec(stem)
    except (ImportError, ValueError):
        return free
    is_it = found is not None and found.origin and os.path.realpath(found.origin) == path
    return stem if is_it else free


def function(module: ModuleType, name: str) -> Callable[[Trial], Any]:
    """Find the function `name` in the user's module."""
    found = getattr(module, name, None)
    if callable(found):
        return found  # type: ignore[no-any-return]
    if hasattr(module, name):
        kind = type(found).__name__
        raise TypeError(f"trainer: found {name} = {kind} in {module.__file__}; expected a function")
    names = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
    hint = nearest(name, names)
    raise AttributeError(f"trainer: found no function {name!r} in {module.__file__}{hint}")
