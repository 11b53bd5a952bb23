"""Options of the fault suite, a lab of its own for every test, and the figures at the end.

``make test`` runs the short form; ``make test-faults`` the full one. A run is repeated with
``LABTUI_FAULT_SEED``, which is printed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from labtui.store.paths import LabPaths
from tests.faults import kit

SEED = "LABTUI_FAULT_SEED"
FIGURE = "fault: "
"""Begins the names of the figures among what a test reports (`kit.Tally`)."""

_figures: Counter[str] = Counter()
_skipped: set[str] = set()


def pytest_addoption(parser):
    group = parser.getgroup("faults")
    group.addoption("--faults", choices=("short", "full"), default="short")
    group.addoption("--figures", metavar="FOLDER", help="append the figures to faults.json there")


def pytest_configure(config):
    config.addinivalue_line("markers", "at_length: only in the full fault suite")
    if _is_full(config):  # before the workers of xdist are started: they inherit it
        os.environ.setdefault(SEED, str(random.SystemRandom().randrange(10**6)))


def pytest_collection_modifyitems(config, items):
    if not _is_full(config):
        items[:] = [item for item in items if item.get_closest_marker("at_length") is None]


def pytest_runtest_logreport(report):
    if report.skipped:
        _skipped.add(report.nodeid)
    if report.when == "teardown":
        for name, number in report.user_properties:
            if name.startswith(FIGURE):
                _figures[name.removeprefix(FIGURE)] += number


def pytest_sessionfinish(session, exitstatus):
    """Fail a run of the whole suite that did less than is promised, though every test passed."""
    if exitstatus == pytest.ExitCode.OK and _short_of(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _short_of(config):
    """Say what a run fell short of; of a part of the suite, or in a worker of xdist, nothing."""
    whole = [Path(one).resolve() for one in config.args] == [Path(__file__).parent]
    part = any(config.getoption(name) for name in ("keyword", "markexpr", "collectonly"))
    if not _is_full(config) or not whole or part or hasattr(config, "workerinput"):
        return []
    return kit.shortfall(_figures, skipped=bool(_skipped))


def pytest_terminal_summary(terminalreporter, config):
    for said in _short_of(config):
        terminalreporter.write_line(f"short of what is promised: {said}", red=True)
    if not _figures:
        return
    said = ", ".join(f"{number:g} {name}" for name, number in sorted(_figures.items()))
    terminalreporter.write_line(f"faults (seed {os.environ.get(SEED, kit.FIXED_SEED)}): {said}")
    folder = config.getoption("--figures", None)
    if folder:
        with Path(folder, "faults.json").open("a") as file:
            file.write(json.dumps(dict(_figures)) + "\n")


def _is_full(config):
    return config.getoption("--faults", "short") == "full"


@pytest.fixture
def full(request):
    """Whether this is the full form of the suite."""
    return _is_full(request.config)


@pytest.fixture
def rounds(request):
    """Give how often to repeat: ``rounds(short=3, full=50)``."""
    return lambda *, short, full: full if _is_full(request.config) else short


@pytest.fixture
def rng(request):
    """Chance of this test's own, the same again with the same seed."""
    seed = os.environ.get(SEED, kit.FIXED_SEED)
    print(f"{SEED}={seed}")
    return random.Random(f"{seed} {request.node.nodeid}")


@pytest.fixture
def tally(request):
    """Count what the summary tells: ``tally(kills=1)``; figures of all tests are added up."""

    def add(**figures):
        for name, number in figures.items():
            request.node.user_properties.append((FIGURE + name.replace("_", " "), number))

    return add


@pytest.fixture
def paths(tmp_path, monkeypatch):
    """A lab in a folder of its own; no process of it is left after the test, however it ends."""
    monkeypatch.setenv(kit.MARK, str(tmp_path))  # reaches the trainers and what they start
    yield LabPaths(tmp_path / "lab.db")
    left = kit.wait_for_none(tmp_path, wall=5.0)
    for pid in left:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    assert not left, f"left running: {left}"


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """Give the points of an uninterrupted run: ``reference(text, script)``; each is run once."""
    known = {}

    def find(text, script, files=()):
        key = (text, script, tuple(sorted(dict(files).items())))
        if key not in known:
            folder = tmp_path_factory.mktemp("reference")
            known[key] = kit.uninterrupted(folder, text, script, dict(files))
        return known[key]

    return find
