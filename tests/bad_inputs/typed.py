"""How rows are made: a study file is written, a command is typed, what is said is seen."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from labtui.engine import client
from labtui.store.paths import LabPaths
from labtui.study.spec import parse_study
from tests.bad_inputs.row import BadInput, Seen, as_seen, call, compare_labs, lab_state
from tests.study.samples import study_text

Content = str | bytes
BASE = study_text("lr: {role: nuisance, range: [1e-4, 1e-1], scale: log}").replace(
    "trainer: numpy", "trainer: {python: train.py:train}"
)
"""A study file that is right; most rows change one part of it."""
NOBODY = 65534
LOADED = """\
import contextlib, encodings.utf_8_sig, io, os, resource, sys, tempfile
from labtui.cli.app import main
from labtui.cli import run
from labtui.engine import client, plugins, provenance
from labtui.store.lab import Lab
plugins.find_plugin('python')
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.study.spec import load_study
with tempfile.TemporaryDirectory() as folder:
    Writer(LabPaths(__import__("pathlib").Path(folder) / "lab.db")).close()
    os.environ.setdefault("COLUMNS", "1000")
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        main(["plan", "nothing.yaml"])
        main(["list", "--lab", folder + "/lab.db"])
"""


def written(folder: Path, content: Content) -> Path:
    """Write the study file of a row."""
    file = folder / "study.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return file


def in_lab(folder: Path) -> None:
    """Have the study file in the lab, queued: what the first `labtui run` of it comes to."""
    file = folder / "study.yaml"
    request = {
        "kind": "submit",
        "study": parse_study(file.read_bytes()).to_json(),
        "folder": str(folder),
        "interpreter": sys.executable,
        "environment": {},
    }
    client.ask(LabPaths(folder / "lab.db"), request)


def refused(number: int, what: str, content: Content, message: str) -> BadInput:
    """A study file that `labtui run` refuses: exit 2, and no lab is made."""

    def do(folder: Path) -> Seen:
        written(folder, content)
        return call(folder, "run", "study.yaml")

    return BadInput(number, what, do, message, 2, "none")


def made_by(
    number: int, what: str, make: Callable[[Path], object], message: str, *arguments: str
) -> BadInput:
    """What lies where the study file should be, made by `make`; `labtui run` refuses it."""

    def do(folder: Path) -> Seen:
        make(folder / "study.yaml")
        return call(folder, *(arguments or ("run", "study.yaml")))

    return BadInput(number, what, do, message, 2, "none")


def planned(number: int, what: str, content: Content, message: str, *begins: str) -> BadInput:
    """A study file that is taken: the lines of `labtui plan` that begin so tell how it is read."""

    def do(folder: Path) -> Seen:
        written(folder, content)
        seen = call(folder, "plan", "study.yaml", out=True)
        lines = [line for line in seen.message.splitlines() if line.startswith(begins)]
        return Seen("\n".join(lines), seen.code, seen.lab)

    return BadInput(number, what, do, message, 0, "none")


def space(hyperparameters: str, **options: str) -> str:
    """Give a study whose hyperparameters these are, as one flow mapping or several entries."""
    whole = study_text(hyperparameters, **options)
    return whole.replace("trainer: numpy", "trainer: {python: train.py:train}")


def replaced(old: str, new: str) -> str:
    """Give a study that is right but for one part, which must be there."""
    assert old in BASE
    return BASE.replace(old, new)


def reachable(do: Callable[[Path], Seen]) -> Callable[[Path], Seen]:
    """Have a row done in a folder that other users reach, as they do not reach pytest's."""

    def elsewhere(_: Path) -> Seen:
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            return do(Path(folder))

    return elsewhere


def as_nobody(folder: Path, *arguments: str, out: bool = False, first: str = "") -> Seen:
    """Type a command as a user without rights: its modules are loaded while it has them."""
    before = lab_state(folder / "lab.db")
    become = f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})"
    script = f"{LOADED}if os.getuid() == 0: {become}\n{first}\nsys.exit(main(sys.argv[1:]))"
    ended = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")},
            "LABTUI_LAB": str(folder / "lab.db"),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    message = as_seen(ended.stdout if out else ended.stderr, folder)
    return Seen(message, ended.returncode, compare_labs(before, lab_state(folder / "lab.db")))


def trained(script: str, content: str = BASE) -> Callable[[Path], Seen]:
    """Train one trial with a function of this text; the last that `labtui run` says."""

    def do(folder: Path) -> Seen:
        (folder / "train.py").write_text(script)
        written(folder, content.replace("trials: 4", "trials: 1"))
        seen = call(folder, "run", "study.yaml", "--slots", "1")
        return Seen(seen.message.splitlines()[-1], seen.code, seen.lab)

    return do
