"""What a script may change of its process, and how it is put back for the next trial."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import warnings
from typing import Any, Iterator

_NUMBERS = tuple(int(number) for number in signal.valid_signals())
# The function below signal.getsignal, which spends 0.4 ms on making names of 64 numbers.
_handler = getattr(signal.getsignal, "__wrapped__", signal.getsignal)
STREAMS = ("stdin", "stdout", "stderr", "excepthook", "displayhook")


@contextlib.contextmanager
def put_back() -> Iterator[None]:
    """Run a script inside of it: afterwards the process is as it was, but for what it imported.

    That is arguments, import path, folder, environment, streams, ``__main__``, signal handlers,
    warnings, the root logger, and torch's defaults. Seeds are the worker's part.
    """
    with contextlib.ExitStack() as after:
        for part in (_interpreter, _folder, _environment, _signals, _logging, _torch):
            after.enter_context(part())
        after.enter_context(warnings.catch_warnings())
        yield


@contextlib.contextmanager
def put_back_after_call() -> Iterator[None]:
    """Call a function inside of it: environment, arguments and signal handlers stay as they were.

    What its module did when it was imported holds for all its trials. Folder, umask, limits and
    streams are the worker's part.
    """
    argv = sys.argv
    with _environment(), _signals():
        try:
            yield
        finally:
            sys.argv = argv


@contextlib.contextmanager
def _interpreter() -> Iterator[None]:
    main, argv, path = sys.modules["__main__"], sys.argv, list(sys.path)
    streams = {name: getattr(sys, name) for name in STREAMS}
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        sys.argv, sys.path[:] = argv, path
        for name, stream in streams.items():
            setattr(sys, name, stream)


@contextlib.contextmanager
def _folder() -> Iterator[None]:
    folder = os.getcwd()
    try:
        yield
    finally:
        os.chdir(folder)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    environment = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        for name, value in environment.items():
            if os.environ.get(name) != value:
                os.environ[name] = value


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # no script can change them there
        yield
        return
    handlers = {number: _handler(number) for number in _NUMBERS}
    alarm = signal.getitimer(signal.ITIMER_REAL)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *alarm)
        for number, handler in handlers.items():
            # None is a handler of C code: Python can neither have replaced nor restore it
            if handler is not None and _handler(number) is not handler:
                signal.signal(number, handler)


@contextlib.contextmanager
def _logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, root.manager.disable
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        root.manager.disable = disabled
        logging.getLogger("__main__").handlers.clear()


@contextlib.contextmanager
def _torch() -> Iterator[None]:
    """Put torch's defaults back, which every new process has: it may be imported meanwhile."""
    try:
        yield
    finally:
        torch: Any = sys.modules.get("torch")
        if torch is not None and hasattr(torch, "set_default_dtype"):
            torch.set_default_dtype(torch.float32)
            torch.set_default_device(None)
            torch.set_grad_enabled(True)
            if torch.are_deterministic_algorithms_enabled():  # setting it imports the compiler: 2 s
                torch.use_deterministic_algorithms(False)
