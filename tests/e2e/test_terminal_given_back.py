"""However the screen dies, the terminal is as it was: on a real one, with the real program."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tests.e2e.terminal import Terminal
from tests.support.engine import wait_until
from tests.support.labs import make_lab

GIVEN_BACK = (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?1003l", b"\x1b[?2004l")
"""Main screen, cursor, no clicks, no movements, no bracketed paste."""

FAULT = """
import sys
from labtui.tui.screens.lab import LabScreen
def action_note(self):
    raise ValueError("a made-up fault")
LabScreen.action_note = action_note
from labtui.cli.app import main
sys.exit(main())
"""


class Given:
    """A screen that is shown, and the modes of its terminal before."""

    def __init__(self, folder, *program):
        make_lab(folder, name="elsewhere", points=2, evaluations=2)
        self.state = folder / "state"
        self.screen = Terminal(
            cwd=folder,
            program=program or None,
            environment={"XDG_STATE_HOME": str(self.state), "XDG_CONFIG_HOME": str(folder)},
        )
        self.before = self.screen.modes()
        wait_until(lambda: b"elsewhere" in self.screen.output)
        assert self.screen.modes() != self.before

    def is_given_back(self, since=0):
        after = self.screen.output[since:]
        return all(code in after for code in GIVEN_BACK) and self.screen.modes() == self.before


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_gives_the_terminal_back_and_is_the_exit_code(tmp_path, name):
    given = Given(tmp_path)
    number = getattr(signal, name)
    os.kill(given.screen.process.pid, number)
    assert given.screen.ended() == 128 + number
    assert given.is_given_back()
    assert b"Traceback" not in given.screen.output
    given.screen.close()


DEATH = """
import ctypes, os, signal, sys
from labtui.tui.screens.lab import LabScreen
def action_note(self):
    {death}
LabScreen.action_note = action_note
from labtui.cli.app import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("death", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", 137),
        ("os.kill(os.getpid(), signal.SIGSEGV)", 139),
        ("ctypes.string_at(0)", 139),
        ("os.abort()", 134),
        ("os._exit(3)", 3),
    ],
)
def test_a_screen_that_dies_below_python_gives_the_terminal_back(tmp_path, death, code):
    given = Given(tmp_path, sys.executable, "-c", DEATH.format(death=death))
    given.screen.press(b"N")
    assert given.screen.ended() == code
    assert given.is_given_back()
    if code > 128:
        assert b"no run is harmed: `labtui` opens it again" in given.screen.output
    given.screen.close()


def test_the_screen_closes_when_its_parent_is_killed(tmp_path):
    given = Given(tmp_path)
    os.kill(given.screen.process.pid, signal.SIGKILL)
    wait_until(given.is_given_back)
    assert given.screen.ended() == -signal.SIGKILL
    given.screen.close()


def test_a_closed_terminal_ends_the_program(tmp_path):
    given = Given(tmp_path)
    given.screen.close()  # a lost connection: the kernel sends SIGHUP
    assert given.screen.ended() in (129, -signal.SIGHUP)


def test_a_fault_gives_the_terminal_back_and_names_the_file_with_what_is_known(tmp_path):
    given = Given(tmp_path, sys.executable, "-c", FAULT)
    given.screen.press(b"N")
    assert given.screen.ended() == 1
    assert given.is_given_back()
    said = given.screen.output.rpartition(b"\x1b[?1004l")[2].decode()
    logs = list((given.state / "labtui").glob("crash-*.log"))
    assert len(logs) == 1
    assert str(logs[0]) in said
    assert "ValueError: a made-up fault" in said
    assert "Traceback" not in said
    assert "action_note" in logs[0].read_text()
    given.screen.close()


def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_brings_the_screen_back(tmp_path):
    given = Given(tmp_path)
    given.screen.press(b"\x1a")
    _, status = os.waitpid(given.screen.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    wait_until(given.is_given_back)
    since = len(given.screen.output)
    os.kill(given.screen.process.pid, signal.SIGCONT)
    wait_until(lambda: b"elsewhere" in given.screen.output[since:])
    assert b"\x1b[?1049h" in given.screen.output[since:]
    given.screen.press(b"q")
    assert given.screen.ended() == 0
    assert given.is_given_back(since)
    given.screen.close()


def test_quitting_says_which_study_trains_on(tmp_path):
    from tests.tui.driving import running

    with running(tmp_path) as run:
        run.start(0)
        screen = Terminal(
            cwd=tmp_path,
            environment={"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
        )
        wait_until(lambda: b"live" in screen.output)
        screen.press(b"q")
        assert screen.ended() == 0
        said = screen.output.rpartition(b"\x1b[?1004l")[2].decode()
        assert "live trains on: `labtui` to come back, `labtui stop live` to stop it" in said
        screen.close()
