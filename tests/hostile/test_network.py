"""No part of the program speaks to a network, or listens to one (S6)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bad_inputs.environment import plain
from tests.e2e.terminal import Terminal
from tests.hostile import offline
from tests.support.engine import study_text, wait_until, write_study
from tests.support.labs import make_lab

READERS = (
    ("list", "--json"),
    ("show", "digits-optimizer"),
    ("log", "digits-optimizer/0"),
    ("doctor",),
    *(("export", "--all", "--format", kind, "--to", kind) for kind in ("csv", "sqlite")),
    ("import", "t.csv", "--mapping", "m.yaml", "--lab", "other.db"),
    ("import", "runs", "--metric", "val_loss", "--lab", "other.db"),
)
"""Commands that read a lab, a folder with logs, or a table."""
MAPPING = """\
study: t
workload: w
objective: {metric: loss, goal: minimize}
hyperparameters: {lr: {}}
values: {loss: loss}
"""
RUNS = Path(__file__).parents[1] / "data" / "tensorboard_hparams"


def watching(folder: Path, program: list[str]) -> tuple[list[str], dict[str, str]]:
    """Give a program that is watched with all its processes, and its environment."""
    seen = folder / "sockets"
    environment = {**os.environ, "LABTUI_LAB": str(folder / "lab.db")}
    if shutil.which("strace"):
        trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=socket", "-o", str(seen)]
        return [*trace, *program], environment
    return program, {**environment, **offline.hooked(folder / "hook", seen)}


def sockets(folder: Path) -> list[str]:
    """Give what was opened of a network."""
    seen = folder / "sockets"
    text = seen.read_text() if seen.exists() else ""
    return re.findall(r"socket\((AF_(?!UNIX|LOCAL|NETLINK)\w+|PF_INET\w*)", text)


def watched(folder: Path, program: list[str]) -> list[str]:
    """Run a program with all its processes, and give its sockets of a network."""
    command, environment = watching(folder, program)
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return sockets(folder)


def labtui(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "labtui.cli.app", *arguments]


def test_a_study_opens_no_socket(tmp_path):
    write_study(tmp_path, study_text(trials=2, steps=3, every=1))
    assert watched(tmp_path, labtui("run", "study.yaml", "--slots", "2")) == []


def test_what_reads_imports_and_exports_opens_no_socket(tmp_path):
    make_lab(tmp_path, points=6, evaluations=3)
    (tmp_path / "t.csv").write_text("lr,loss\n0.1,1\n0.2,2\n")
    (tmp_path / "m.yaml").write_text(MAPPING)
    shutil.copytree(RUNS, tmp_path / "runs")
    script = (
        f"import json\nfrom labtui.cli.app import main\nfor words in {json.dumps(READERS)}:\n"
        "    assert main(words) in (0, 1), words\n"
    )
    assert watched(tmp_path, [sys.executable, "-c", script]) == []
    assert (tmp_path / "other.db").exists()


def test_the_screen_opens_no_socket(tmp_path):
    make_lab(tmp_path, name="elsewhere", points=1, evaluations=2)
    places = {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    program, environment = watching(tmp_path, [sys.executable, "-m", "labtui"])
    terminal = Terminal(cwd=tmp_path, program=program, environment={**environment, **places})
    wait_until(lambda: "elsewhere" in plain(terminal.output), 60)
    terminal.press(b"q")
    assert terminal.wait() == 0
    assert sockets(tmp_path) == []


def test_a_socket_would_be_seen(tmp_path):
    text = study_text(trials=1, steps=3, every=1)
    script = "import socket\ndef train(trial):\n    socket.socket(socket.AF_INET).close()\n"
    write_study(tmp_path, text, script + "    trial.log(1, {'validation/error_rate': 1.0})\n")
    assert watched(tmp_path, labtui("run", "study.yaml"))


def test_a_socket_would_be_seen_by_the_hook(tmp_path):
    """What `python -m tests.hostile.offline` looks at, over all the tests."""
    environment = {**os.environ, **offline.hooked(tmp_path / "hook", tmp_path / "sockets")}
    code = "import socket; socket.socketpair(); socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert (tmp_path / "sockets").read_text().startswith("socket(AF_INET6) by ")
