"""Makes labtui/tour/lab.db.xz, the lab of `labtui tour`, by running its studies.

First the commands of docs/tutorial.md, then those below; the studies are in docs/tour. What would
tell on which machine it was made is taken out; `labtui.tour` puts in the reader's own.

python docs/tour.py
"""

from __future__ import annotations

import lzma
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # run as a program, from wherever
    sys.path.insert(0, str(ROOT))

from labtui.tour import BUNDLE  # noqa: E402
from tests.docs.pages import blocks, text  # noqa: E402

STUDIES = Path(__file__).with_name("tour")
ALGOPERF = ROOT / "tests" / "data" / "algoperf" / "algoperf_v05"
IMPORTED = "logs/external_tuning/baseline/study_0/ogbg_jax"

BEGIN = "$ labtui "
TRAINING = ("init", "run", "next", "rerun", "launch")
"""Commands of the tutorial that add to its lab; the others only read it."""

COMMANDS = r"""
note optimizers --tag optimizer "Adam's range was a guess and ended ten times too low."
note optimizers-widen --tag optimizer "The answer to the cut ranges; the order is open."
run adam-longer.yaml
run four-layers.yaml
next four-layers --kind warmup --run
next four-layers --kind clip --run
note four-layers --tag unstable "Above 0.1 nothing trains, with or without warmup."
workload digits-mlp --baseline four-layers/9 --reason "0.022 in the study, half of what we have"
lineage digits-mlp --roll-back 3 --reason "The best of 16, never rerun; and it has 200 steps."
run wider.yaml
rerun wider --arms
note wider --tag ready "Nobody has launched it yet."
run diabetes-2000-steps.yaml
import IMPORTED --study algoperf-ogbg
note algoperf-ogbg --tag imported "From the AlgoPerf benchmark (Apache-2.0): graphs, 80,000 steps."
note --workload digits-mlp "SGD is good for 0.05 to 0.09, by luck; Adam holds 0.05."
"""
"""What follows the tutorial, each line a command of labtui."""

SCRUB = (
    "UPDATE studies SET file = '', folder = '', interpreter = '', environment = '{}', "
    "provenance = json_remove(provenance, '$.platform', '$.machine', '$.git_commit', "
    "'$.git_branch', '$.git_remote', '$.git_diff', '$.git_diff_sha256', '$.git_untracked')",
    "UPDATE studies SET provenance = json_set(provenance, '$.import.root', 'algoperf') "
    "WHERE json_extract(provenance, '$.import') IS NOT NULL",
    "UPDATE baselines SET configuration = json_set(configuration, '$.folder', '')",
    "UPDATE runners SET machine = '', boot = '', pid = 0, process_start = ''",
    "DELETE FROM checkpoints",  # their files stay behind
    "DELETE FROM events",
)
"""What would tell where the lab was made, or names what is not in it."""


def commands() -> Iterator[list[str]]:
    """Give the commands, without the program's name."""
    for block in blocks(text("docs/tutorial.md"), "console"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix(BEGIN)) if line.startswith(BEGIN) else []
            if words and words[0] in TRAINING and (words[0] != "next" or "--run" in words):
                yield words
    for line in COMMANDS.strip().splitlines():
        yield shlex.split(line)


def make(folder: Path) -> Path:
    """Run the studies in an empty folder; give the lab."""
    (study,) = blocks(text("docs/tutorial.md"), "yaml")
    (folder / "optimizers.yaml").write_text(study, "utf-8")
    for file in STUDIES.glob("*.yaml"):
        shutil.copy(file, folder)
    shutil.copytree(ALGOPERF, folder / "algoperf")
    for words in commands():
        named = [f"algoperf/{IMPORTED}" if word == "IMPORTED" else word for word in words]
        print("labtui", shlex.join(named), flush=True)
        _labtui(named, folder)
    return folder / "lab.db"


def _labtui(words: list[str], folder: Path) -> None:
    """Run a command without what the environment here would tell."""
    known = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "NO_COLOR": "1"}
    found = subprocess.run(
        [sys.executable, "-m", "labtui", *words],
        cwd=folder,
        env=known,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if found.returncode:
        raise SystemExit(f"labtui {shlex.join(words)}\n{found.stdout}\n{found.stderr}")


def bundle(lab: Path, target: Path = BUNDLE) -> int:
    """Take out what tells where a lab was made, and write it compressed; give its bytes."""
    with closing(sqlite3.connect(lab, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        for statement in SCRUB:
            connection.execute(statement)
        connection.execute("VACUUM")
    packed = lzma.compress(lab.read_bytes(), preset=9 | lzma.PRESET_EXTREME)
    target.write_bytes(packed)
    return len(packed)


def main() -> int:
    """Make the lab, and say how large it is."""
    with tempfile.TemporaryDirectory(prefix="tour-") as folder:
        lab = make(Path(folder))
        size = bundle(lab)
        print(f"{BUNDLE.relative_to(ROOT)}: {size:,} bytes, {lab.stat().st_size:,} unpacked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
