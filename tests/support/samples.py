"""The sample studies and the code of the documentation, where they can train."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.docs.pages import ROOT, blocks, section, text

DIGITS = "trainers/labtui_workloads/digits.npz"


def copy_samples(folder: Path) -> Path:
    """Copy the sample studies with the data that their scripts read; gives their folder."""
    copied = folder / "sample_studies"
    shutil.copytree(ROOT / "sample_studies", copied, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / DIGITS).parent.mkdir(parents=True)
    shutil.copy(ROOT / DIGITS, folder / DIGITS)
    return copied


def change(file: Path, *changes: tuple[str, str], interpreter: Path | str = "") -> Path:
    """Replace parts of a study file, each of which must be in it, and name an interpreter."""
    told = file.read_text("utf-8")
    for before, after in changes:
        assert before in told, before
        told = told.replace(before, after)
    if interpreter:
        told = "".join(line for line in told.splitlines(True) if "interpreter:" not in line)
        told += f"interpreter: {interpreter}\n"
    file.write_text(told, "utf-8")
    return file


def write_page(folder: Path, script_of: str, study_of: str = "") -> Path:
    """Write the script of a section of docs/your-script.md and a study; gives the study's file."""
    page = text("docs/your-script.md")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(blocks(section(page, script_of), "python")[0], "utf-8")
    study = blocks(section(page, study_of or script_of), "yaml")[0]
    (folder / "study.yaml").write_text(study, "utf-8")
    return folder / "study.yaml"
