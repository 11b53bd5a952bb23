"""Virtual environments to train in, made without any download."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path


def environment_without_labtui(folder: Path) -> Path:
    """Make an environment that sees the packages of this one, and not labtui; gives its python.

    labtui is here by a .pth file, and those of a folder on the path are not read.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (folder / "lib" / version / "site-packages" / "theirs.pth").write_text(
        "\n".join(sorted(packages)) + "\n"
    )
    python = folder / "bin" / "python"
    found = subprocess.run(
        [python, "-c", "import importlib.util as u; print(u.find_spec('labtui'))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    assert found.stdout.strip() == "None", "labtui is installed as a copy, not by a .pth file"
    return python
