"""What a submission carries so that a study can be run again: code state, environment, command."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import labtui
from labtui.study.secrets import redact

ALLOWED = re.compile(
    r"^(PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|SHELL|VIRTUAL_ENV|CONDA_\w+|"
    r"PYTHONPATH|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|CUDA_\w+|NVIDIA_\w+|OMP_\w+|MKL_\w+|"
    r"OPENBLAS_\w+|XDG_\w+|HF_HOME|TORCH_HOME|KERAS_\w+)$"
)
SECRET_NAME = re.compile(r"token|secret|passw|api[-_]?key|auth|cookie|credential", re.IGNORECASE)
"""No variable of such a name is passed on: of these rather too many."""
MOST_DIFF = 256 * 1024
MOST_CODE = 1024 * 1024


def allowed_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Pick the variables that a worker gets and the lab records; secrets are never among them."""
    return {
        name: value
        for name, value in sorted(environment.items())
        if ALLOWED.match(name) and not SECRET_NAME.search(name)
    }


def describe(folder: Path) -> dict[str, Any]:
    """Describe the state of the code in `folder`: git commit, uncommitted diff, versions."""
    commit = _git(folder, "rev-parse", "HEAD")
    found: dict[str, Any] = {
        "labtui": labtui.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
    }
    if commit:
        diff = redact(_git(folder, "diff", "HEAD", "--no-color"))
        found["git_commit"] = commit
        found["git_branch"] = redact(_git(folder, "rev-parse", "--abbrev-ref", "HEAD"))
        found["git_remote"] = redact(_git(folder, "config", "--get", "remote.origin.url"))
        found["git_diff"] = diff[:MOST_DIFF]
        found["git_diff_sha256"] = hashlib.sha256(diff.encode()).hexdigest() if diff else ""
        untracked = _git(folder, "ls-files", "--others", "--exclude-standard", "--", ".")
        found["git_untracked"] = redact(untracked).splitlines()[:200]
    return found


def _git(folder: Path, *arguments: str) -> str:
    try:
        result = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=10,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.decode("utf-8", "replace").strip() if result.returncode == 0 else ""


def read_code(folder: Path, sources: Mapping[str, str]) -> dict[str, tuple[str, str | None]]:
    """Read the user's files as trained with: SHA-256 → (path, content).

    The content is None when the file changed since, is too large or is no text: then only its
    hash is known.
    """
    found: dict[str, tuple[str, str | None]] = {}
    for name, sha256 in sources.items():
        content = None
        try:
            data = (folder / name).read_bytes()
            if hashlib.sha256(data).hexdigest() == sha256 and len(data) <= MOST_CODE:
                content = redact(data.decode())
        except (OSError, UnicodeDecodeError):
            pass
        found[sha256] = (name, content)
    return found
