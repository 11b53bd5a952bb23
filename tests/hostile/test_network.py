"""No part of the program speaks to a network, or listens to one (S6)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.engine import study_text, write_study

ROOT = Path(__file__).parents[2]
HOOK = """
import os, sys
def note(event, arguments):
    if event == "socket.__new__" and arguments[1] != 1:
        with open(os.environ["SOCKETS"], "a") as file:
            file.write(f"socket(AF_{arguments[1]}\\n")
sys.addaudithook(note)
"""
"""Where there is no strace: what any Python process opens, by its audit events (AF_UNIX is 1)."""


def watched(folder: Path, *arguments: str) -> list[str]:
    """Run a command with all its processes, and give its sockets of a network."""
    seen = folder / "sockets"
    environment = {**os.environ, "LABTUI_LAB": str(folder / "lab.db"), "SOCKETS": str(seen)}
    command = [sys.executable, "-m", "labtui.cli.app", *arguments]
    if shutil.which("strace"):
        command = ["strace", "-f", "-qq", "-e", "trace=socket", "-o", str(seen), *command]
    else:
        (folder / "hook").mkdir(exist_ok=True)
        (folder / "hook" / "sitecustomize.py").write_text(HOOK)
        environment["PYTHONPATH"] = str(folder / "hook")
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110
    )
    assert ended.returncode == 0, ended.stderr
    text = seen.read_text() if seen.exists() else ""
    return re.findall(r"socket\((AF_(?!UNIX|LOCAL|NETLINK)\w+|PF_INET\w*)", text)


def test_a_study_and_what_reads_it_open_no_socket(tmp_path):
    write_study(tmp_path, study_text(trials=2, steps=3, every=1))
    assert watched(tmp_path, "run", "study.yaml", "--slots", "2") == []
    assert watched(tmp_path, "export", "s", "--to", "out") == []
    assert watched(tmp_path, "show", "s/0") == []


def test_a_socket_would_be_seen(tmp_path):
    text = study_text(trials=1, steps=3, every=1)
    script = "import socket\ndef train(trial):\n    socket.socket(socket.AF_INET).close()\n"
    write_study(tmp_path, text, script + "    trial.log(1, {'validation/error_rate': 1.0})\n")
    assert watched(tmp_path, "run", "study.yaml")
