"""A lab, and the commands called as a person calls them."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from labtui.cli.app import main
from tests.support.labs import make_lab

ROOT = Path(__file__).parents[2]


@dataclass
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def lab_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    make_lab(folder)
    return make_lab(folder, name="second", points=4, ended=5, state="running").db


@pytest.fixture
def labtui(lab_file, capsys, monkeypatch):
    """Call a command in this process, on the lab unless it names another."""
    monkeypatch.setenv("LABTUI_LAB", str(lab_file))
    monkeypatch.setenv("COLUMNS", "120")

    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Outcome(int(code), captured.out, captured.err)

    return call


@pytest.fixture
def process(lab_file):
    """Call a command in a process of its own."""

    def call(*arguments, code=None, **options):
        command = ["-c", code] if code else ["-m", "labtui.cli.app", *map(str, arguments)]
        environment = {**os.environ, "LABTUI_LAB": str(lab_file), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, *command],
            **{
                "cwd": ROOT,
                "env": environment | options.pop("env", {}),
                "capture_output": True,
                "text": True,
                "stdin": subprocess.DEVNULL,
                "timeout": 60,
                **options,
            },
        )

    return call
