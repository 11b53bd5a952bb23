"""Read by every Python started with this folder on ``PYTHONPATH``: kills it at a chosen moment.

``XDG_LABTUI_FAULT`` names a folder of plans (labtui hands ``XDG_*`` and ``PYTHONPATH`` on to its
workers; the guard, which reads no environment, is never changed):

``kill.json``
    ``{"role": "runner", "match": "COMMIT", "nth": 3, "after": false}``: before, or after, the third
    statement that begins so (of a worker: the third such call of `os`). It is removed first, so
    that it happens once; another may be put there while they run.
``seen.txt``
    When it is there, what could be matched is added to it: a line each, the role first.
``interval``
    Seconds between a trial's written checkpoints, in place of 30.

``LABTUI_CLOCK`` names a file with seconds by which the wall clock is wrong (clock.c does the same
where there is a compiler).
"""

import datetime
import json
import os
import signal
import sqlite3
import sys
import time

FOLDER = os.environ.get("XDG_LABTUI_FAULT", "")
CALLS = ("fsync", "rename", "mkdir", "unlink", "rmdir")


def _role():
    if "labtui.engine.service" in sys.orig_argv:
        return "runner"
    return "worker" if any(text.endswith("bootstrap.py") for text in sys.orig_argv) else ""


def _read(name):
    try:
        with open(os.path.join(FOLDER, name)) as file:
            return file.read()
    except OSError:
        return ""


class Moments:
    """Counts the moments that a plan may mean, and ends this process at the one it means."""

    def __init__(self, role):
        self._role = role
        self._count = 0
        self._text = ""

    def around(self, what, act):
        text = " ".join(what.split())
        seen = os.path.join(FOLDER, "seen.txt")
        if os.path.exists(seen):
            with open(seen, "a") as file:
                file.write(f"{self._role} {text}\n")
        after = self._counts(text)
        if after is False:
            _die()
        found = act()
        if after:
            _die()
        return found

    def _counts(self, text):
        """Say whether this is the moment: None for no, else whether to die after it."""
        plan = _read("kill.json")
        if plan != self._text:
            self._text, self._count = plan, 0
        meant = json.loads(plan) if plan else {}
        if meant.get("role") != self._role or not text.startswith(meant["match"]):
            return None
        self._count += 1
        return meant["after"] if self._count == meant["nth"] else None


def _die():
    try:
        _unlink(os.path.join(FOLDER, "kill.json"))
    except FileNotFoundError:
        return  # another worker was quicker
    os.kill(os.getpid(), signal.SIGKILL)


_unlink = os.unlink


def _watch_statements(moments):
    class Connection(sqlite3.Connection):
        def execute(self, sql, *arguments):
            run = super().execute
            return moments.around(sql, lambda: run(sql, *arguments))

        def executemany(self, sql, *arguments):
            run = super().executemany
            return moments.around(sql, lambda: run(sql, *arguments))

    def connect(*arguments, **options):
        return _connect(*arguments, **{"factory": Connection, **options})

    _connect, sqlite3.connect = sqlite3.connect, connect


def _watch_calls(moments):
    for name in CALLS:
        setattr(os, name, _watched(name, getattr(os, name), moments))


def _watched(name, call, moments):
    def wrapper(*arguments, **options):
        return moments.around(name, lambda: call(*arguments, **options))

    return wrapper


def _set_clock(file):
    def offset():
        with open(file) as found:
            return int(found.read() or 0)

    class Moved(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + datetime.timedelta(seconds=offset())

    datetime.datetime = Moved
    right = time.time
    time.time = lambda: right() + offset()


def _main():
    if os.environ.get("LABTUI_CLOCK"):
        _set_clock(os.environ["LABTUI_CLOCK"])
    role = _role()
    if not FOLDER or not role:
        return
    interval = _read("interval")
    if role == "worker" and interval:
        from labtui.trainer.checkpoints import Keeper

        Keeper.__init__.__kwdefaults__["interval"] = float(interval)
    (_watch_statements if role == "runner" else _watch_calls)(Moments(role))


_main()
