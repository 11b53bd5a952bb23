"""Spoils the program in one place at a time and runs the short fault tests that must see it.

``python -m tests.faults.mutants [NAME …] [--keep]``: each mutant is a copy of the program with a
promise taken out of it by an exact replacement of text. The same tests pass on the copy that is not
changed. Ends with 1 when a mutant survives. ``--keep`` leaves the copies, and says where.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.engine import study_text, write_study

ROOT = Path(__file__).parents[2]
PARTS = ("labtui", "trainers", "tests", "pyproject.toml")
SECONDS = 300
"""How long the tests of a mutant may take; a test that ends only by this has seen it too."""


@dataclass(frozen=True)
class Change:
    """An exact text of a file, once in it, and what stands there instead."""

    file: str
    old: str
    new: str

    def found(self, root: Path) -> int:
        """Count how often the text is there."""
        return (root / self.file).read_text().count(self.old)

    def make(self, root: Path) -> None:
        """Write the changed file.

        Raises:
            SystemExit: The text is not there, or more than once: the program has moved on.
        """
        if self.found(root) != 1:
            raise SystemExit(
                f"{self.file}: found {self.found(root)} times, expected once:\n{self.old}\n"
                "say in tests/faults/mutants.py what stands there today"
            )
        file = root / self.file
        file.write_text(file.read_text().replace(self.old, self.new))


@dataclass(frozen=True)
class Mutant:
    """A promise that is broken, how, and the tests one of which must fail."""

    name: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]


ROOM = "test_disk.py::test_a_study_that_begins_says_what_the_disk_lacks"
POWER = "test_power.py::test_a_power_cut_loses_nothing_acknowledged"
STATEMENTS = "test_kills.py::test_killed_at_chosen_statements"
IDENTITY = "test_clocks.py::test_a_dead_runner_is_known_by_identity"
DAEMON = "test_hostile_trainers.py::test_nothing_of_a_daemon_outlives_its_study"
BELOW = "test_errors_below.py::test_no_error_is_swallowed"
CHECKPOINT = "test_checkpoint_faults.py::test_killed_at_any_call_it_leaves_whole_checkpoints_alone"
FAILED_SYNC = "test_checkpoint_faults.py::test_a_sync_that_fails_announces_nothing"
SYNCED = "test_checkpoint_faults.py::test_all_of_a_checkpoint_is_synced_before_it_is_announced"
DAMAGE = "test_checkpoint_faults.py::test_a_damaged_checkpoint_is_told"
MIGRATION = "test_migration_kills.py::test_killed_at_any_statement_it_is_the_old_or_the_new"
STATES = "test_starts.py::test_a_trial_that_has_ended_stays_as_it_is"

NO_SWEEP = Change(
    "labtui/engine/guard.py",
    "            sweep(set(self._workers))\n",
    "            pass\n",
)

MUTANTS = (
    Mutant(
        "acknowledged-before-the-commit",
        (
            Change(
                "labtui/engine/board.py",
                "        self.writer.commit()\n        self._committed",
                "        self.events.committed()\n        self.writer.commit()\n"
                "        self._committed",
            ),
        ),
        (STATEMENTS,),
    ),
    Mutant(
        "request-removed-before-its-answer-is-committed",
        (
            Change(
                "labtui/engine/runner.py",
                "            self._board.later(functools.partial(path.unlink, missing_ok=True))\n",
                "            path.unlink(missing_ok=True)\n",
            ),
        ),
        (STATEMENTS,),
    ),
    Mutant(
        "no-look-at-the-room-there-is",
        (
            Change(
                "labtui/store/space.py",
                "    if found.suffices:\n",
                "    if found.free:\n",
            ),
        ),
        (ROOM,),
    ),
    Mutant("no-sweep-by-the-guard", (NO_SWEEP,), (DAEMON,)),
    Mutant(
        "no-guard",
        (
            NO_SWEEP,
            Change(
                "labtui/trainer/bootstrap.py",
                "prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)",
                "getppid()",
            ),
            Change(
                "labtui/trainer/worker.py",
                "        os._exit(0 if self._channel.is_held else CUT_OFF)\n",
                "        pass\n",
            ),
        ),
        (DAEMON,),
    ),
    Mutant(
        "no-recovery",
        (
            Change(
                "labtui/engine/requests.py",
                "    found = [(int(trial), int(study)) for trial, study in rows.fetchall()]\n",
                "    found: list[tuple[int, int]] = []\n",
            ),
        ),
        (IDENTITY,),
    ),
    Mutant(
        "no-lock",
        (
            Change(
                "labtui/store/lock.py",
                "        except BlockingIOError:\n            return False\n",
                "        except BlockingIOError:\n            return True\n",
            ),
        ),
        ("test_starts.py::test_two_at_once_make_one_runner",),
    ),
    Mutant(
        "in-place-checkpoints",
        (
            Change(
                "labtui/trainer/checkpoints.py",
                'f"tmp-{self._attempt}-{step}")',
                'f"a{self._attempt}-s{step}")',
            ),
            Change(
                "labtui/trainer/checkpoints.py",
                "        shutil.rmtree(target, ignore_errors=True)\n"
                "        os.rename(staged, target)\n",
                "",
            ),
        ),
        (CHECKPOINT,),
    ),
    Mutant(
        "checkpoint-not-synced",
        (
            Change(
                "labtui/trainer/checkpoints.py",
                "                os.fsync(file.fileno())\n                size",
                "                size",
            ),
        ),
        (SYNCED,),
    ),
    Mutant(
        "checkpoint-sync-error-swallowed",
        (
            Change(
                "labtui/trainer/checkpoints.py",
                "                os.fsync(file.fileno())\n                size",
                "                with contextlib.suppress(OSError):\n"
                "                    os.fsync(file.fileno())\n                size",
            ),
        ),
        (FAILED_SYNC,),
    ),
    Mutant(
        "checkpoint-hash-not-verified",
        (
            Change(
                "labtui/trainer/checkpoints.py",
                "            if found != expected:\n",
                '            if found["size"] != expected["size"]:\n',
            ),
        ),
        (DAMAGE,),
    ),
    Mutant(
        "checkpoint-removed-before-its-row",
        (
            Change(
                "labtui/engine/outcomes.py",
                "                self._board.later("
                "functools.partial(shutil.rmtree, folder, ignore_errors=True))\n",
                "                shutil.rmtree(folder, ignore_errors=True)\n",
            ),
        ),
        (STATEMENTS,),
    ),
    Mutant(
        "requeue-keeps-later-points",
        (
            Change(
                "labtui/store/writer.py",
                '            _run(connection, "DELETE FROM points WHERE trial = ? AND step > ?", '
                "(trial, step))\n",
                "",
            ),
        ),
        (IDENTITY, POWER),
    ),
    Mutant(
        "requeue-does-not-rewind",
        (
            Change(
                "labtui/store/changes.py",
                "        if returned.rowcount:\n            rewind(connection, revision)\n",
                "        returned.close()\n",
            ),
        ),
        (IDENTITY,),
    ),
    Mutant(
        "synchronous-normal",
        (
            Change("labtui/store/connection.py", "synchronous = FULL", "synchronous = NORMAL"),
            Change("labtui/store/connection.py", '("wal", 2, darwin)', '("wal", 1, darwin)'),
        ),
        (POWER,),
    ),
    Mutant(
        "commit-error-swallowed",
        (
            Change(
                "labtui/store/writer.py",
                '            self.connection.execute("COMMIT")\n'
                "        except sqlite3.Error as error:\n            rows",
                "            try:\n"
                '                self.connection.execute("COMMIT")\n'
                "            except sqlite3.Error:\n"
                "                self._roll_back()\n"
                "        except sqlite3.Error as error:\n            rows",
            ),
        ),
        (BELOW,),
    ),
    Mutant(
        "failed-sync-trusted",
        (
            Change(
                "labtui/store/writer.py",
                "            self._doubtful = untrustworthy(error)\n"
                "            self._roll_back()\n            self._metrics",
                "            self._roll_back()\n            self._metrics",
            ),
        ),
        (BELOW,),
    ),
    Mutant(
        "identity-by-pid-alone",
        (
            Change(
                "labtui/store/identity.py",
                "self.boot == boot_id() and start_time(self.pid) == self.started",
                "self.boot == boot_id() and start_time(self.pid) is not None",
            ),
        ),
        (IDENTITY,),
    ),
    Mutant(
        "identity-without-boot",
        (
            Change(
                "labtui/store/identity.py",
                "self.boot == boot_id() and start_time(self.pid) == self.started",
                "start_time(self.pid) == self.started",
            ),
        ),
        (IDENTITY,),
    ),
    Mutant(
        "migration-in-many-transactions",
        (
            Change(
                "labtui/store/schema.py",
                '    connection.execute("BEGIN IMMEDIATE")\n    try:\n',
                "    try:\n",
            ),
            Change(
                "labtui/store/schema.py",
                '        connection.execute("COMMIT")\n    except BaseException:\n'
                '        connection.execute("ROLLBACK")\n        raise\n',
                "    except BaseException:\n        raise\n",
            ),
        ),
        (MIGRATION,),
    ),
    Mutant(
        "claim-whatever-the-state",
        (
            Change(
                "labtui/store/changes.py",
                "\"revision = ? WHERE id = ? AND state = 'queued'\"",
                '"revision = ? WHERE id = ?"',
            ),
        ),
        (STATES,),
    ),
    Mutant(
        "end-whatever-the-state",
        (
            Change(
                "labtui/store/changes.py",
                "\"WHERE id = ? AND state = 'running'\",\n            (state",
                '"WHERE id = ?",\n            (state',
            ),
        ),
        (STATES,),
    ),
    Mutant(
        "requeue-whatever-the-state",
        (
            Change(
                "labtui/store/changes.py",
                "\"WHERE id = ? AND state = 'running'\",\n            (reason",
                '"WHERE id = ?",\n            (reason',
            ),
        ),
        (STATES,),
    ),
)


def copy(source: Path, target: Path) -> Path:
    """Copy what the tests need, with its bytecode: a changed file is newer than its own."""
    for name in PARTS:
        place = source / name
        if place.is_dir():
            shutil.copytree(place, target / name)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(place, target / name)
    return target


def surroundings(root: Path) -> dict[str, str]:
    """Give an environment in which every Python imports the copy, whatever is installed."""
    paths = os.pathsep.join([str(root), str(root / "trainers")])
    found = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**found, "PYTHONPATH": paths}


WHERE = """
import labtui
def train(trial):
    guard = open(f"/proc/{os.getppid()}/cmdline").read()
    open("where.txt", "w").write(labtui.__file__ + "\\0" + guard)
    for step in trial.steps():
        trial.log(step, {"validation/error_rate": 1.0})
"""


def check_imports(root: Path, folder: Path) -> None:
    """Make sure that command, runner, guard and worker are all of the copy.

    The runner starts the guard by the path of its own module.

    Raises:
        SystemExit: One of them is of somewhere else: the results would mean nothing.
    """
    file = write_study(folder, study_text(trials=1, steps=1, every=1), "import os" + WHERE)
    program = "import labtui, sys; print(labtui.__file__); sys.argv[0] = 'labtui'; "
    program += "from labtui.cli.app import main; main()"
    command = [sys.executable, "-c", program, "run", str(file), "--lab", str(folder / "lab.db")]
    done = subprocess.run(
        command, cwd=folder, env=surroundings(root), capture_output=True, text=True, check=False
    )
    said = (folder / "where.txt").read_text() if (folder / "where.txt").exists() else done.stderr
    worker, *guard = said.split("\0")
    places = [done.stdout.split("\n")[0], worker, *(t for t in guard if t.endswith("guard.py"))]
    if len(places) != 3 or not all(place.startswith(f"{root}{os.sep}") for place in places):
        raise SystemExit(f"expected command, worker and guard in {root}; found {places}")


def fails(root: Path, tests: tuple[str, ...]) -> tuple[list[str], float, str]:
    """Run short fault tests in a copy; gives those that failed, seconds, and what was said."""
    names = [f"tests/faults/{name}" for name in tests]
    command = [sys.executable, "-m", "pytest", "-rfE", "--tb=short", "--timeout=100", *names]
    began = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=surroundings(root),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        said, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as error:
        said, code = (error.stdout or b"").decode(errors="replace"), 1
    failed = re.findall(r"^(?:FAILED|ERROR) \S+::(\S+)", said, re.MULTILINE)
    if code and not failed:
        failed = [f"pytest ended with {code}"] if code > 1 else ["no end"]
    if "no tests ran" in said or code > 1:
        raise SystemExit(f"{' '.join(command)}\n{said}\nthe tests themselves did not run")
    return list(dict.fromkeys(failed)), time.monotonic() - began, said


def check(mutant: Mutant, sound: Path, target: Path) -> tuple[bool, str]:
    """Make a mutant and run its tests; says whether they caught it, and what was said."""
    root = copy(sound, target)
    for change in mutant.changes:
        change.make(root)
    failed, seconds, said = fails(root, mutant.tests)
    by = ", ".join(failed) if failed else "NOT CAUGHT"
    print(f"{mutant.name:<48} {seconds:5.1f} s  {by}", flush=True)
    return bool(failed), said


def main(arguments: list[str]) -> int:
    """Run the mutants that are named, else all; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutants", description=__doc__)
    known = {mutant.name: mutant for mutant in MUTANTS}
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--keep", action="store_true", help="leave the copies")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(known)
    if unknown:
        parser.error(f"no mutant {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    chosen = [known[name] for name in options.names or known]
    folder = Path(tempfile.mkdtemp(prefix="labtui-mutants-")).resolve()
    try:
        sound = copy(ROOT, folder / "unchanged")
        check_imports(sound, folder / "imports")
        tests = tuple(dict.fromkeys(test for mutant in chosen for test in mutant.tests))
        failed, seconds, said = fails(sound, tests)
        print(f"{'(unchanged)':<48} {seconds:5.1f} s  {', '.join(failed) or 'passes'}", flush=True)
        if failed:
            print(said)
            return 1
        survivors = []
        for mutant in chosen:
            caught, said = check(mutant, sound, folder / mutant.name)
            (folder / f"{mutant.name}.txt").write_text(said)
            if not caught:
                survivors.append(mutant.name)
            if not options.keep:
                shutil.rmtree(folder / mutant.name)
        print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants caught")
        return 1 if survivors else 0
    finally:
        if options.keep:
            print(f"the copies, and what was said of each: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
