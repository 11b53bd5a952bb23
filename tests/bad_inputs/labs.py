"""40 to 52: labs that are something else, damaged, held, moved, or lie where they must not."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from labtui.store import filesystem
from labtui.store.lab import Lab
from labtui.store.lock import WriterLock
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from tests.bad_inputs.row import BadInput, Seen, as_seen, call, compare_labs, lab_state
from tests.bad_inputs.typed import BASE, as_nobody, reachable, trained, written
from tests.support.engine import SCRIPT, fixed, study_text, wait_until, write_study
from tests.support.labs import make_lab

NOTE = ("note", "digits-optimizer", "seen")
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 20
PAGE = 4096
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
HELD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def file_of(content: bytes, *command: str) -> Callable[[Path], Seen]:
    """Put a file where the lab should be."""

    def do(folder: Path) -> Seen:
        (folder / "lab.db").write_bytes(content)
        return call(folder, *command)

    return do


def changed(
    change: Callable[[Path], object], *command: str, out: bool = False
) -> Callable[[Path], Seen]:
    """Do something to the file of a good lab."""

    def do(folder: Path) -> Seen:
        change(make_lab(folder, points=8).db)
        return call(folder, *command, out=out)

    return do


def by_sql(*statements: str) -> Callable[[Path], None]:
    """Change a lab with another program."""

    def change(file: Path) -> None:
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    return change


def damage(place: int, content: bytes) -> Callable[[Path], None]:
    """Write something into the file."""

    def change(file: Path) -> None:
        data = bytearray(file.read_bytes())
        data[place : place + len(content)] = content
        file.write_bytes(data)

    return change


def another_program(file: Path) -> None:
    """Make somebody else's database."""
    file.unlink()
    by_sql("CREATE TABLE theirs (x)", "PRAGMA application_id = 252006673")(file)


def open_log(folder: Path) -> None:
    """Leave commits in a log that is not yet merged."""
    paths = make_lab(folder, points=2)
    writer = Writer(paths)
    writer.execute("UPDATE studies SET reason = 'late' WHERE id = 1")
    writer.commit()
    log = (folder / "lab.db-wal").read_bytes()
    writer.close()
    (folder / "lab.db-wal").write_bytes(log)


def log_of_another(folder: Path) -> Seen:
    """Put another lab's log beside a lab."""
    (folder / "other").mkdir()
    open_log(folder / "other")
    make_lab(folder, points=2)
    shutil.copy(folder / "other" / "lab.db-wal", folder / "lab.db-wal")
    return call(folder, *NOTE)


def held(folder: Path) -> Seen:
    """Write while the sqlite3 program holds the lab for longer than labtui waits."""
    make_lab(folder, points=2)
    with holding(folder / "lab.db", 60):
        return call(folder, *NOTE)


@contextlib.contextmanager
def holding(file: Path, seconds: float):
    """Hold a lab with another program."""
    command = [sys.executable, "-c", HELD, str(file), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def training(
    folder: Path,
    act: Callable[[LabPaths], object],
    *,
    steps: int = 200,
    first: Callable[[], object] | None = None,
) -> Seen:
    """Do something while `labtui run` follows a study; gives the last that it said.

    And before, where it was said, that it waits.
    """
    text = study_text(trials=2, steps=steps, every=20, pause=fixed(0.01))
    write_study(folder, text, SCRIPT)
    paths = LabPaths(folder / "lab.db")
    before = lab_state(paths.db)
    command = [sys.executable, "-m", "labtui.cli.app", "run", "study.yaml", "--slots", "1"]
    environment = {**os.environ, "LABTUI_LAB": str(paths.db), "COLUMNS": "1000", "NO_COLOR": "1"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=first,
    )
    try:
        wait_until(lambda: begun(paths))
        act(paths)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    lines = said.strip().splitlines()
    kept = [*(line for line in lines[:-1] if " waits: " in line), lines[-1]]
    state = compare_labs(before, lab_state(paths.db))
    return Seen(as_seen("\n".join(kept), folder), process.returncode, state)


def begun(paths: LabPaths) -> bool:
    """Say whether a first trial trains."""
    if not paths.db.exists():
        return False
    with contextlib.suppress(Exception), Lab(paths) as lab:
        return lab.trial("s/0").step > 5
    return False


def hold_for_six_seconds(paths: LabPaths) -> None:
    """Hold the lab while a study trains."""
    with holding(paths.db, 60):
        time.sleep(6)


def replace(paths: LabPaths) -> None:
    """Put a copy in the lab's place."""
    copy = paths.db.with_name("copy.db")
    shutil.copy(paths.db, copy)
    copy.replace(paths.db)


def forbid(paths: LabPaths) -> None:
    """Take the right to write the lab, its folder and its files away, until the study is done."""
    taken = [path for path in (paths.db.parent, *paths.db.parent.rglob("*")) if path != paths.lock]
    for path in taken:
        path.chmod(path.stat().st_mode & ~0o222)
    with contextlib.suppress(TimeoutError), Lab(paths) as lab:
        wait_until(lambda: lab.study("s").state != "running" or lab.paused())
    for path in taken:
        path.chmod(path.stat().st_mode | 0o200)


def without_rights() -> None:
    """Have root's processes heed the rights of files, as those of other people do."""
    if os.getuid() == 0:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            assert prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0


def reach_quota(paths: LabPaths) -> None:
    """Let no file of the runner's grow, until it says that it waits; then lift the limit."""
    with Lab(paths) as lab:
        pid = lab.runner().pid
        limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        most = paths.db.with_name("lab.db-wal").stat().st_size
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, limits[1]))
        wait_until(lab.paused)
        time.sleep(0.5)  # the follower looks four times a second
        assert lab.study("s").state == "running"
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def lies_on(magic: int, mount: str = "") -> Callable[[Path], Seen]:
    """Say that the folder is on another file system; no such one can be made here."""

    def do(folder: Path) -> Seen:
        make_lab(folder, points=2)
        with (
            mock.patch.object(filesystem, "magic_of", return_value=magic),
            mock.patch.object(filesystem, "mount_of", return_value=mount),
        ):
            return call(folder, *NOTE)

    return do


def in_dropbox(folder: Path) -> Seen:
    """Make a lab in a folder that a service copies."""
    (folder / "made").mkdir()
    make_lab(folder / "made", points=2)
    (folder / "made").rename(folder / "Dropbox")
    return call(folder, *NOTE, "--lab", "Dropbox/lab.db")


def hard_linked(folder: Path) -> Seen:
    """Write a lab that has two names."""
    os.link(make_lab(folder, points=2).db, folder / "second.db")
    return call(folder, *NOTE, "--lab", "second.db")


def symlinked(folder: Path) -> Seen:
    """Write a lab by another name while it is held by its own."""
    paths = make_lab(folder, points=2)
    (folder / "other").mkdir()
    (folder / "other" / "link.db").symlink_to(paths.db)
    with WriterLock(paths.lock, "command"), mock.patch("labtui.engine.client.ANSWER_SECONDS", 0.3):
        return call(folder, *NOTE, "--lab", "other/link.db")


def goal_shown(folder: Path) -> Seen:
    """Show a study whose goal is not UTF-8; gives the line of its goal."""
    make_lab(folder, points=2)
    by_sql("UPDATE studies SET goal = CAST(x'61ff62' AS TEXT)")(folder / "lab.db")
    seen = call(folder, "show", "digits-optimizer", out=True)
    line = next(one for one in seen.message.splitlines() if one.startswith("goal"))
    return Seen(line, seen.code, seen.lab)


def run_in_empty(folder: Path) -> Seen:
    """Run a study of one trial where the lab is an empty file."""
    (folder / "lab.db").touch()
    return trained("def train(trial):\n    trial.log(10, {'loss': 0.5})\n")(folder)


def emptied(*command: str) -> Callable[[Path], Seen]:
    """Lose the file of a lab, but not its log, which SQLite would remove when it opens the two."""

    def do(folder: Path) -> Seen:
        open_log(folder)
        os.truncate(folder / "lab.db", 0)
        written(folder, BASE)
        (folder / "train.py").touch()
        kept = (folder / "lab.db-wal").read_bytes()
        seen = call(folder, *command)
        assert (folder / "lab.db-wal").read_bytes() == kept
        return seen

    return do


EMPTIED = (
    "labtui: FOLDER/lab.db is empty, and lab.db-wal beside it holds commits of the lab that it "
    "was; nothing was opened, which would remove them; `labtui doctor` says more, `labtui doctor "
    "--recover` saves what can be saved"
)


def without_log(folder: Path) -> Seen:
    """Lose the log of a lab before it was merged; gives the goal of its study."""
    open_log(folder)
    (folder / "lab.db-wal").unlink()
    seen = call(folder, "show", "digits-optimizer", out=True)
    line = next(one for one in seen.message.splitlines() if one.startswith("goal"))
    return Seen(line, seen.code, seen.lab)


def in_closed_folder(*command: str, out: bool = False) -> Callable[[Path], Seen]:
    """Use a lab in a folder that only root may write, as somebody else."""

    def do(folder: Path) -> Seen:
        make_lab(folder, points=2).db.chmod(0o644)
        folder.chmod(0o555)
        seen = as_nobody(folder, *command, out=out)
        folder.chmod(0o755)
        return seen

    return do


def unmerged_in_closed_folder(folder: Path) -> Seen:
    """Read a lab whose log is not merged where no shared memory can be made for it."""
    closed = folder / "closed"
    closed.mkdir()
    open_log(closed)
    for file in closed.glob("lab.db*"):
        file.unlink() if file.name.endswith("-shm") else file.chmod(0o644)
    folder.chmod(0o755)
    closed.chmod(0o555)
    seen = as_nobody(folder, "list", "--lab", "closed/lab.db")
    closed.chmod(0o755)
    assert (closed / "lab.db-wal").stat().st_size
    return seen


def newer_shown(folder: Path) -> Seen:
    """Show a trial of a lab that a newer labtui wrote; gives its first line."""
    by_sql("PRAGMA user_version = 99")(make_lab(folder, points=2).db)
    seen = call(folder, "show", "digits-optimizer/0", out=True)
    return Seen(seen.message.splitlines()[0], seen.code, seen.lab)


TRIGGER = "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM points; END"
VIEW = (
    "ALTER TABLE notes RENAME TO hidden",
    "CREATE VIEW notes AS WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) "
    "SELECT x FROM r",
)

ROWS = [
    BadInput(
        40,
        "a zero-byte file, read",
        file_of(b"", "list"),
        (
            "labtui: FOLDER/lab.db: the file is empty; `labtui run STUDY.yaml` makes a lab "
            "of it, --lab names another"
        ),
        2,
        "unchanged",
    ),
    BadInput(
        40,
        "a zero-byte file, written",
        file_of(b"", *NOTE),
        (
            "labtui: FOLDER/lab.db: the file is empty; `labtui run STUDY.yaml` makes a lab "
            "of it, --lab names another"
        ),
        2,
        "unchanged",
    ),
    BadInput(
        40,
        "a zero-byte file, beside it a log with commits of the lab that it was",
        emptied("run", "study.yaml"),
        EMPTIED,
        74,
        "unchanged",
    ),
    BadInput(
        40,
        "the same, read",
        emptied("list"),
        EMPTIED,
        74,
        "unchanged",
    ),
    BadInput(
        41,
        "a picture",
        file_of(JPEG, "list"),
        (
            "labtui: FOLDER/lab.db is not a lab: it begins with "
            "b'…'; expected a SQLite file "
            "of labtui"
        ),
        2,
        "unchanged",
    ),
    BadInput(
        41,
        "text",
        file_of(b"just text\n" * 500, *NOTE),
        (
            "labtui: FOLDER/lab.db is not a lab: it begins with b'just text\\njust t'; "
            "expected a SQLite file of labtui"
        ),
        2,
        "unchanged",
    ),
    BadInput(
        42,
        "another program's database",
        changed(another_program, *NOTE),
        (
            "labtui: FOLDER/lab.db is another program's database (application id 0xf055111); "
            "name a lab with --lab, or a new file"
        ),
        2,
        "unchanged",
    ),
    BadInput(
        43,
        "cut short",
        changed(lambda f: os.truncate(f, 12 * PAGE), "list"),
        (
            "labtui: FOLDER/lab.db: the file is damaged (database disk image is malformed); "
            "`labtui doctor` says more, `labtui doctor --recover` saves what can be saved"
        ),
        74,
        "unchanged",
    ),
    BadInput(
        43,
        "cut short, written",
        changed(lambda f: os.truncate(f, 12 * PAGE), *NOTE),
        (
            "labtui: FOLDER/lab.db: the file is damaged (database disk image is malformed); "
            "`labtui doctor` says more, `labtui doctor --recover` saves what can be saved"
        ),
        74,
        "unchanged",
    ),
    BadInput(
        44,
        "a flipped byte",
        changed(damage(6 * PAGE, b"\x4d"), "list"),
        (
            "labtui: FOLDER/lab.db is damaged (…): what is shown may lack something; `labtui "
            "doctor` says more, `labtui doctor --recover` saves what can be saved"
        ),
        0,
        "unchanged",
    ),
    BadInput(
        44,
        "a flipped byte, written",
        changed(damage(6 * PAGE, b"\x4d"), *NOTE),
        (
            "labtui: FOLDER/lab.db is damaged (…): what is shown may lack something; `labtui "
            "doctor` says more, `labtui doctor --recover` saves what can be saved\n"
            "the text was not stored; it is in …\n"
            "labtui: FOLDER/lab.db is damaged (…); it was not changed; `labtui doctor` says "
            "more, `labtui doctor --recover` saves what can be saved"
        ),
        74,
        "unchanged",
    ),
    BadInput(
        44,
        "the header written over",
        changed(damage(0, bytes(16)), "list"),
        (
            "labtui: FOLDER/lab.db is not a lab: it begins with "
            "b'…'; expected a "
            "SQLite file of labtui"
        ),
        2,
        "unchanged",
    ),
    BadInput(
        45,
        "another lab's log beside it",
        log_of_another,
        (
            "labtui: lab.db-wal beside FOLDER/lab.db was written for another lab: reading it "
            "would mix the two; move it away (if it came with a copy) or put back the one "
            "that belongs here"
        ),
        74,
        "unchanged",
    ),
    BadInput(
        45,
        "its log is missing: what had not been merged is gone, and all else is read",
        without_log,
        "goal       Does Adam reach a lower validation error than Nesterov?",
        0,
        "unchanged",
    ),
    BadInput(
        45,
        "in a folder that may not be written, read",
        reachable(in_closed_folder("list", out=True)),
        "study             state …\ndigits-optimizer  completed   4/4 …",
        0,
        "unchanged",
    ),
    BadInput(
        46,
        "a newer lab, read",
        newer_shown,
        "trial       digits-optimizer/0 (id 1)",
        0,
        "unchanged",
    ),
    BadInput(
        46,
        "a newer lab, written",
        changed(by_sql("PRAGMA user_version = 99"), *NOTE),
        (
            "the text was not stored; it is in …\n"
            "labtui: FOLDER/lab.db has version 99 and this labtui writes version 5; it can "
            "be read; update labtui to change it"
        ),
        2,
        "unchanged",
    ),
    BadInput(
        48,
        "deleted while it trains",
        lambda f: training(f, lambda p: p.db.unlink()),
        ("FOLDER/lab.db is gone; put it back and run again"),
        74,
        "none",
    ),
    BadInput(
        48,
        "replaced while it trains",
        lambda f: training(f, replace),
        (
            "FOLDER/lab.db was replaced by another file while it was written; put the lab "
            "back and run again"
        ),
        74,
        "made",
    ),
    BadInput(
        49,
        "on NFS",
        lies_on(0x6969),
        (
            "the text was not stored; it is in …\n"
            "labtui: FOLDER/lab.db: it lies on NFS, a network file system: writing would "
            "corrupt it; it can be read, or copied to a local disk and named with --lab"
        ),
        74,
        "unchanged",
    ),
    BadInput(
        49,
        "on SMB",
        lies_on(0xFF534D42),
        (
            "the text was not stored; it is in …\n"
            "labtui: FOLDER/lab.db: it lies on CIFS (SMB), a network file system: writing "
            "would corrupt it; it can be read, or copied to a local disk and named with --lab"
        ),
        74,
        "unchanged",
    ),
    BadInput(
        49,
        "on sshfs",
        lies_on(filesystem.FUSE, "fuse.sshfs"),
        (
            "the text was not stored; it is in …\n"
            "labtui: FOLDER/lab.db: it lies on fuse.sshfs, not a disk of this machine: "
            "writing would corrupt it; it can be read, or copied to a local disk and named "
            "with --lab"
        ),
        74,
        "unchanged",
    ),
    BadInput(
        49,
        "in Dropbox",
        in_dropbox,
        (
            "the text was not stored; it is in …\n"
            "labtui: FOLDER/Dropbox/lab.db: it lies in FOLDER/Dropbox, which a service "
            "copies to other machines: writing would corrupt it; it can be read, or copied "
            "to another folder and named with --lab"
        ),
        74,
        "none",
    ),
    BadInput(
        50,
        "a hard link",
        hard_linked,
        (
            "the text was not stored; it is in …\n"
            "labtui: FOLDER/second.db: the file has 2 names (hard links), and each would be "
            "locked by itself; expected one: remove the others, or copy the lab"
        ),
        74,
        "unchanged",
    ),
    BadInput(
        50,
        "a symbolic link",
        symlinked,
        (
            "the text was not stored; it is in …\n"
            "labtui: FOLDER/lab.db: held by another process for … s; try again"
        ),
        75,
        "unchanged",
    ),
    BadInput(
        51,
        "a trigger",
        changed(by_sql(TRIGGER), *NOTE),
        (
            "labtui: FOLDER/lab.db has the trigger 't', which is not labtui's and would run "
            "when the lab is used; expected tables alone: `sqlite3 lab.db 'DROP trigger t'` "
            "removes it"
        ),
        2,
        "unchanged",
    ),
    BadInput(
        51,
        "a view in a table's place",
        changed(by_sql(*VIEW), "list"),
        (
            "labtui: FOLDER/lab.db has the view 'notes', which is not labtui's and would run "
            "when the lab is used; expected tables alone: `sqlite3 lab.db 'DROP view notes'` "
            "removes it"
        ),
        2,
        "unchanged",
    ),
    BadInput(
        51,
        "text that is not UTF-8",
        goal_shown,
        ("goal       a�b"),
        0,
        "unchanged",
    ),
    BadInput(
        52,
        "rights taken away while it trains (`chmod -R -w`)",
        lambda f: training(f, forbid, first=without_rights),
        ("s: 2/2 trials, best … (trial …), done"),
        0,
        "made",
    ),
]
SLOW = [
    BadInput(
        40,
        "a zero-byte file, `labtui run`: what makes labs makes one of it (the contract's --create)",
        run_in_empty,
        "s: 1/1 trials, best 0.5 (trial 0), done",
        0,
        "changed",
    ),
    BadInput(
        45,
        "in a folder that may not be written, with commits in its log, read",
        reachable(unmerged_in_closed_folder),
        (
            "labtui: FOLDER/closed/lab.db: its folder cannot be written and lab.db-wal holds "
            "commits that are not yet merged; copy both files to a folder of your own and open "
            "them there"
        ),
        74,
        "none",
    ),
    BadInput(
        52,
        "a quota is reached while it trains (simulated: files of the runner may not grow)",
        lambda f: training(f, reach_quota),
        (
            "s waits: FOLDER/lab.db: the disk failed (disk I/O error); trying again; nothing is "
            "lost\n"
            "s: 2/2 trials, best … (trial …), done"
        ),
        0,
        "made",
    ),
    BadInput(
        45,
        "in a folder that may not be written, written",
        reachable(in_closed_folder(*NOTE)),
        (
            "the text was not stored; it is in …\n"
            "labtui: FOLDER/lab.lock: Permission denied; a lab is written only where its folder "
            "can be"
        ),
        74,
        "unchanged",
    ),
    BadInput(
        48,
        "renamed while it trains",
        lambda f: training(f, lambda p: p.db.rename(p.db.with_name("renamed.db"))),
        ("FOLDER/lab.db is gone; put it back and run again"),
        74,
        "none",
    ),
    BadInput(
        51,
        "a value of 40 MB",
        changed(by_sql("UPDATE studies SET goal = zeroblob(40000000)"), "list"),
        (
            "labtui: FOLDER/lab.db: it holds a value of more than 32 MiB, which no labtui "
            "wrote (string or blob too big)"
        ),
        74,
        "unchanged",
    ),
    BadInput(
        47,
        "held by another program",
        held,
        (
            "the text was not stored; it is in …\n"
            "labtui: FOLDER/lab.db: held by pid … (pyth…) (database is locked); let it end "
            "what it writes, then run again"
        ),
        74,
        "unchanged",
    ),
    BadInput(
        47,
        "held for 6 s while it trains",
        lambda f: training(f, hold_for_six_seconds),
        (
            "s waits: FOLDER/lab.db: held by pid … (pyth…) (database is locked); let it end what "
            "it writes, then run again; trying again; nothing is lost\n"
            "s: 2/2 trials, best … (trial …), done"
        ),
        0,
        "made",
    ),
]
