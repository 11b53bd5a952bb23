"""How commands end: exit codes, one clear line, never a traceback."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import typer

from labtui.cli import app as application
from labtui.cli.app import NEEDS_TERMINAL, explain, main
from labtui.cli.exit_codes import ExitCode
from labtui.store.errors import LabBroken, LabHeld
from labtui.study.errors import Problem, StudyError
from tests.cli.conftest import ROOT

NOBODY = 65534


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "secnd"], "no study 'secnd' in this lab — did you mean 'second'?"),
        (["show", "second/99"], "no trial 'second/99'"),
        (["show", "9999"], "no trial '9999'"),
        (["log", "second"], "second is a study"),
        (["show", "\x1b[2J"], "no study '\\x1b[2J'"),
        (["plot", "secnd", "axis"], "did you mean 'second'"),
        (["plot", "second", "isolaton"], "did you mean 'isolation'"),
        (["plot", "second", "pie"], "launch or all"),
        (["check", "secnd"], "did you mean 'second'"),
        (["check", "second", "--fail-on", "info"], "expected alert or warning"),
        (["check", "second", "--metric", "train/los"], "did you mean 'train/loss'"),
        (["show", "second", "--select", "last"], "expected best or final"),
        (["plot", "second", "curves", "--trials", "3,x"], "no trial 'second/x'"),
        (["plot", "second", "curves", "--metric", "train/los"], "did you mean 'train/loss'"),
        (["plot", "second", "curves", "--width", "abc"], "--width"),
        (["plot", "second", "curves", "--height", "0"], "--height"),
        (["export"], "NAME of a study or --all"),
        (["export", "second", "--all"], "NAME of a study or --all"),
        (["export", "second", "--format", "ods"], "expected csv, xlsx"),
        (["export", "second", "--what", "all"], "expected trials, metrics, studies"),
        (["export", "second", "--to", "-"], "choose it with --what"),
        (["lst"], "Did you mean 'list'"),
        (["list", "--jsn"], "--json"),
        (["list", "--lab", "/nowhere/lab.db"], "there is no lab here"),
        (["--lab", "/nowhere/lab.db", "list"], "there is no lab here"),
        (["list", "--lab", "/tmp"], "is a directory"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_was_expected(labtui, arguments, said):
    found = labtui(*arguments)
    assert (found.code, found.out) == (ExitCode.USAGE, "")
    assert said in found.err
    assert found.err.startswith("labtui: ")
    assert found.err.count("\n") == 1
    assert "\x1b" not in found.err


def test_the_lab_can_be_named_before_or_after_the_command(labtui, lab_file, monkeypatch):
    monkeypatch.delenv("LABTUI_LAB")
    expected = labtui("show", "digits-optimizer", "--lab", lab_file)
    assert expected.code == 0
    assert labtui("--lab", lab_file, "show", "digits-optimizer").out == expected.out


def test_a_file_that_is_no_lab(labtui, tmp_path):
    (tmp_path / "lab.db").write_bytes(b"\xff\xd8\xff\xe0 a picture" * 100)
    found = labtui("list", "--lab", tmp_path / "lab.db")
    assert found.code == ExitCode.USAGE
    assert "is not a lab" in found.err


def test_an_empty_lab_says_what_to_do(labtui, tmp_path):
    from labtui.store.paths import LabPaths
    from labtui.store.writer import Writer

    with Writer(LabPaths(tmp_path / "lab.db")):
        pass
    found = labtui("list", "--lab", tmp_path / "lab.db")
    assert (found.code, found.out) == (0, "")
    assert "labtui run STUDY.yaml" in found.err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (LabHeld("held by pid 7"), ExitCode.HELD, "held by pid 7"),
        (LabBroken("the disk is full"), ExitCode.DISK, "the disk is full"),
        (OSError(28, "No space left on device", "f"), ExitCode.DISK, "f: No space left"),
        (ValueError("odd"), ExitCode.FAILED, "a fault of labtui: ValueError: odd"),
        (
            StudyError([Problem("s.yaml", 3, 5, "seed", "'x'", "a whole number")]),
            ExitCode.USAGE,
            "s.yaml:3:5: seed: found 'x'; expected a whole number",
        ),
        (typer.BadParameter("no"), ExitCode.USAGE, "no"),
    ],
)
def test_errors_become_exit_codes(error, code, said):
    found, message = explain(error)
    assert found == code
    assert said in message


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (KeyboardInterrupt(), ExitCode.STOPPED),
        (typer.Abort(), ExitCode.STOPPED),
        (typer.Exit(3), ExitCode.ALERT),
        (LabHeld("x"), ExitCode.HELD),
        (BrokenPipeError(), ExitCode.PIPE),
        (RuntimeError("x"), ExitCode.FAILED),
    ],
)
def test_what_a_command_raises_decides_the_exit_code(monkeypatch, raised, code):
    def fail(**_):
        raise raised

    monkeypatch.setattr(application, "_silence_stdout", lambda: None)
    monkeypatch.setattr("labtui.cli.listing.open_lab", lambda _: fail())
    assert main(["list"]) == code


def test_a_fault_shows_its_traceback_when_asked(monkeypatch):
    def fail(_):
        raise RuntimeError("here")

    monkeypatch.setenv("LABTUI_TRACEBACK", "1")
    monkeypatch.setattr("labtui.cli.listing.open_lab", fail)
    with pytest.raises(RuntimeError, match="here"):
        main(["list"])


def test_version_and_help(labtui):
    assert labtui("--version").out.startswith("labtui 0.")
    shown = labtui("--help")
    assert shown.code == 0
    for command in ("list", "show", "plot", "export", "trainers", "schema", "log", "note"):
        assert f"  {command}" in shown.out
        assert "--lab PATH" in labtui(command, "--help").out


@pytest.mark.parametrize("arguments", [[], ["-m"]])
def test_without_a_terminal_it_says_what_to_use(process, arguments):
    code = None
    if arguments:
        code = "import runpy; runpy.run_module('labtui', run_name='__main__')"
    found = process(code=code)
    assert (found.returncode, found.stdout) == (ExitCode.USAGE, "")
    assert found.stderr == f"{NEEDS_TERMINAL}\n"


def test_a_dumb_terminal_gets_no_screen(labtui, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    found = labtui()
    assert (found.code, found.out) == (ExitCode.USAGE, "")


@pytest.mark.parametrize(
    "command", ["--help", "list", "show digits-optimizer", "export second --what metrics"]
)
def test_a_closed_pipe_ends_quietly(lab_file, command):
    reading, writing = os.pipe()
    os.close(reading)
    with contextlib.closing(os.fdopen(writing, "wb")) as stdout:
        found = subprocess.run(
            [sys.executable, "-m", "labtui", *command.split()],
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={**os.environ, "LABTUI_LAB": str(lab_file)},
            cwd=ROOT,
        )
    assert (found.returncode, found.stderr) == (ExitCode.PIPE, b"")


def test_a_terminal_without_utf8_gets_what_it_can_show(process):
    plain = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    found = process("show", "digits-optimizer", env=plain)
    assert found.returncode == 0
    assert found.stdout.isascii()
    plotted = process("plot", "second", "axis", env=plain)
    assert plotted.returncode == 0
    assert plotted.stdout.isascii()
    assert "\\u" not in plotted.stdout


def test_a_lab_that_cannot_be_written_is_read(lab_file):
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        shutil.copy(lab_file, folder / "lab.db")
        folder.chmod(0o555)  # which root ignores, and becomes nobody
        _read_as_nobody(lab_file, folder)
        folder.chmod(0o755)


def _read_as_nobody(lab_file, folder):
    os.chmod(folder / "lab.db", 0o444)
    script = (
        "import contextlib, io, os, sys\n"
        "from labtui.cli.app import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    main(['show', 'digits-optimizer', '--lab', sys.argv[1]])\n"
        # All modules are loaded now: this user may not reach the interpreter's folder.
        "if os.getuid() == 0:\n"
        f"    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "sys.exit(main(['show', 'digits-optimizer', '--lab', sys.argv[2]]))"
    )
    command = [sys.executable, "-c", script, str(lab_file), str(folder / "lab.db")]
    # That user may not write a measurement either.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
    assert "40 of 40 done" in found.stdout
    assert os.listdir(folder) == ["lab.db"]
