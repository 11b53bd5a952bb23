"""A runner that waits for room: `labtui list` and `labtui run` say so, and that it goes on."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import threading

from labtui.cli.exit_codes import ExitCode
from labtui.cli.follow import follow
from labtui.store.lab import Lab
from labtui.store.lock import WriterLock
from tests.support.engine import wait_until
from tests.support.labs import SPEC, make_lab

NAME = SPEC["study"]
WHY = "lab.db: the disk is full; about 40 kB are missing"


def test_a_runner_that_waits_is_listed(labtui, tmp_path):
    paths = make_lab(tmp_path, points=2, ended=1, state="running")
    with WriterLock(paths.lock, "runner") as runner:
        assert "waits" not in labtui("list", "--lab", paths.db).err
        runner.pause(WHY)
        listed = labtui("list", "--lab", paths.db)
        assert listed.err == f"the runner waits: {WHY}; nothing is lost\n"
    assert "waits" not in labtui("list", "--lab", paths.db).err


def test_who_follows_is_told_once_that_it_waits_and_that_it_goes_on(tmp_path):
    paths = make_lab(tmp_path, points=2, state="running")
    said = io.StringIO()

    def work(runner):
        wait_until(lambda: "nothing is lost" in said.getvalue())
        runner.pause("")
        wait_until(lambda: "goes on" in said.getvalue())
        with contextlib.closing(sqlite3.connect(paths.db)) as lab, lab:
            lab.execute("UPDATE studies SET state = 'completed'")

    with WriterLock(paths.lock, "runner") as runner, Lab(paths) as lab:
        runner.pause(WHY)
        thread = threading.Thread(target=work, args=(runner,))
        thread.start()
        with contextlib.redirect_stderr(said):
            end = follow(lab, NAME)
        thread.join()
    assert (end.finished, end.exit_code) == (True, ExitCode.DONE)
    words = [line for line in said.getvalue().splitlines() if "trials" not in line]
    assert words == [f"{NAME} waits: {WHY}; nothing is lost", f"{NAME} goes on"]
