"""The screen in a real terminal while a study runs: opened, left, opened again; the run goes on."""

from __future__ import annotations

import pytest

from labtui.engine import client
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from tests.e2e.terminal import Terminal
from tests.support.engine import (
    fixed,
    processes,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)
from tests.support.labs import make_lab


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_the_screen_comes_and_goes_and_the_study_goes_on(tmp_path, size):
    paths = LabPaths(tmp_path / "lab.db")
    file = write_study(tmp_path, study_text(trials=20, steps=500, pause=fixed(0.01)))
    submit(paths, file)
    for _ in range(2):
        screen = Terminal(cwd=tmp_path, columns=size[0], lines=size[1])
        wait_until(lambda screen=screen: b"running" in screen.output)
        screen.press(b"\r")
        wait_until(lambda screen=screen: b"trials" in screen.output and b"best" in screen.output)
        screen.press(b"qq")
        assert screen.wait() == 0
        assert b"\x1b[?1049l" in screen.output  # the terminal is given back
        with Lab(paths) as lab:
            seen = lab.revision()
            wait_until(lambda lab=lab, seen=seen: lab.revision() > seen)  # it goes on
            assert {t.attempt for t in lab.trials("s")} <= {0, 1}
    client.stop(paths, "s", now=True)
    wait_for_state(paths, "s", "stopped")
    wait_until(lambda: not processes(paths))


def test_the_screen_opens_on_the_lab_that_is_named(tmp_path):
    make_lab(tmp_path, name="elsewhere", points=2)
    (tmp_path / "empty").mkdir()
    screen = Terminal("--lab", str(tmp_path / "lab.db"), cwd=tmp_path / "empty")
    wait_until(lambda: b"elsewhere" in screen.output)
    screen.press(b"q")
    assert screen.wait() == 0
    assert not list((tmp_path / "empty").iterdir())
