"""All the tests without a network: `python -m tests.hostile.offline [what pytest is told]` (S6).

Every Python process notes the sockets of a network that it opens. Where the system lets a user do
it, all of them run where there is no network at all (`unshare -n`).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HOOK = """
import os, socket, sys
OTHERS = (socket.AF_UNIX, socket.AF_NETLINK, -1)  # -1: of a file that is open already
def note(event, arguments):
    if event == "socket.__new__" and arguments[1] not in OTHERS:
        with open(SEEN, "a") as file:
            name = socket.AddressFamily(arguments[1]).name
            by = os.environ.get("PYTEST_CURRENT_TEST", " ".join(sys.argv[:3]))
            file.write(f"socket({name}) by {by} in {os.getcwd()}\\n")
sys.addaudithook(note)
"""
"""What any Python process opens, by its audit events."""
MEANT = re.compile(r"test_a_socket_would_be_seen|torchrun")
"""Tests that open one to see that it is seen; torchrun, which is not labtui's, meets by TCP."""
REST = ("tests", "-n", "2", "--dist", "worksteal", "-m", "not backend", "--ignore=tests/faults")
"""What is run unless something else is named: tests/faults has processes enough of its own."""


def hooked(folder: Path, seen: Path) -> dict[str, str]:
    """Give the environment in which Python notes in `seen` what it opens."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(f"SEEN = {str(seen)!r}\n{HOOK}")
    path = [str(folder), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, path))}


def isolated() -> list[str]:
    """Give what runs a command without a network; nothing where that is not allowed."""
    command = ["unshare", "-n" if os.getuid() == 0 else "-cn"]  # as whom they run already
    try:
        allowed = subprocess.run([*command, "true"], capture_output=True, check=False)
    except OSError:
        return []
    return command if allowed.returncode == 0 else []


def main(arguments: list[str]) -> int:
    """Run the tests; 1 where one failed or a socket of a network was opened."""
    with tempfile.TemporaryDirectory(prefix="labtui-offline-") as folder:
        seen = Path(folder) / "sockets"
        alone = isolated()
        ended = subprocess.run(
            [*alone, sys.executable, "-m", "pytest", *(arguments or REST)],
            env={**os.environ, **hooked(Path(folder) / "hook", seen)},
            check=False,
        )
        lines = seen.read_text().splitlines() if seen.exists() else []
    found = [line for line in lines if not MEANT.search(line)]
    print("\n".join(sorted(set(found))))
    where = "without a network" if alone else "with the network there is: unshare is not allowed"
    print(f"offline: {where}; {len(found)} sockets of a network opened")
    return 1 if found or ended.returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
