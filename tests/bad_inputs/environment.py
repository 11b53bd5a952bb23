"""71 to 81: terminals, locales, command lines, limits and rights that are not as hoped for."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from labtui.cli.output import display_width
from labtui.store.paths import LabPaths
from tests.bad_inputs.row import (
    BadInput,
    Seen,
    as_seen,
    call,
    compare_labs,
    lab_state,
)
from tests.bad_inputs.typed import BASE, NOBODY, as_nobody, reachable, replaced, space, written
from tests.e2e.terminal import Terminal
from tests.support.engine import fixed, processes, study_text, wait_until, write_study
from tests.support.labs import make_lab

ESCAPE = "\x1b"
STORM = 300
"""Sizes of a storm, one each hundredth of a second."""


# -- terminals ------------------------------------------------------------------------------------


def typed(*arguments: str, **options) -> Callable[[Path], Seen]:
    """Type a command in a folder with no lab."""
    return lambda folder: call(folder, *arguments, **options)


def on_terminal(*arguments: str, **environment: str) -> Callable[[Path], Seen]:
    """Type a command on a terminal, with a lab of one study; everything that is printed."""

    def do(folder: Path) -> Seen:
        make_lab(folder, name="s", points=1, evaluations=2)
        before = lab_state(folder / "lab.db")
        terminal = Terminal(*arguments, cwd=folder, columns=200, environment=environment)
        code = terminal.wait()
        said = terminal.output.decode().replace("\r\n", "\n")
        assert ESCAPE not in said
        return Seen(as_seen(said, folder), code, compare_labs(before, lab_state(folder / "lab.db")))

    return do


def piped(folder: Path) -> Seen:
    """List a lab into a pipe."""
    make_lab(folder, name="s", points=1, evaluations=2)
    seen = call(folder, "show", "s/0", out=True, environment={"NO_COLOR": ""})
    assert ESCAPE not in seen.message
    return Seen(seen.message.splitlines()[0], seen.code, seen.lab)


def sized(*sizes: tuple[int, int], storm: int = 0) -> Callable[[Path], Seen]:
    """Open the screen on a real terminal, give it each size (columns, lines), and quit."""

    def do(folder: Path) -> Seen:
        make_lab(folder, name="elsewhere", points=1, evaluations=2)
        before = lab_state(folder / "lab.db")
        places = {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        columns, lines = sizes[0]
        terminal = Terminal(cwd=folder, columns=columns, lines=lines, environment=places)
        wait_until(lambda: b"?1049h" in terminal.output)
        said = [after(terminal, 0, sizes[0])]
        for size in sizes[1:]:
            since = len(terminal.output)
            terminal.resize(*size)
            said.append(after(terminal, since, size))
        for number in range(storm):
            terminal.resize(20 + number * 7 % 200, 5 + number * 3 % 60)
            time.sleep(0.01)
        if storm:
            since = len(terminal.output)
            terminal.resize(100, 30)
            said.append(after(terminal, since, (100, 30)))
        terminal.press(b"q")
        code = terminal.ended()
        assert b"Traceback" not in terminal.output
        assert b"\x1b[?1049l" in terminal.output
        terminal.close()
        lab = compare_labs(before, lab_state(folder / "lab.db"))
        return Seen("\n".join(said), code, lab)

    return do


def after(terminal: Terminal, since: int, size: tuple[int, int]) -> str:
    """Say what a terminal of a size shows of what was written since."""
    wanted = "elsewhere" if min(size[0] - 60, size[1] - 15) >= 0 else "labtui needs 60x15"
    if size[0] < len(wanted):  # nothing to read, but it lives
        time.sleep(0.3)
        assert terminal.process.poll() is None
        return f"{size[0]} x {size[1]}: too small for words"
    wait_until(lambda: wanted in plain(terminal.output[since:]))
    return f"{size[0]} x {size[1]}: {'the lab' if wanted == 'elsewhere' else wanted}"


def plain(output: bytes) -> str:
    """Take the control sequences out of what was written."""
    return re.sub(r"\x1b\[[0-9;:<=>?$]*[A-Za-z]", "", output.decode("utf-8", "replace"))


TERMINALS = [
    BadInput(
        71,
        "`labtui` with its streams in pipes",
        typed(),
        (
            "labtui needs a terminal; use `labtui run`, `labtui list`, `labtui show` … "
            "(`labtui --help` lists the commands)"
        ),
        2,
        "none",
    ),
    BadInput(
        71,
        "`labtui` with `TERM=dumb`",
        on_terminal(TERM="dumb"),
        (
            "TERM=dumb cannot show a screen: labtui needs a terminal; use `labtui run`, "
            "`labtui list`, `labtui show` … (`labtui --help` lists the commands)"
        ),
        2,
        "unchanged",
    ),
    BadInput(
        71,
        "`labtui check s --metric nothing` on a terminal with `NO_COLOR`",
        on_terminal("check", "s", "--metric", "nothing", NO_COLOR="1"),
        (
            "labtui: no metric 'nothing' in this lab; logged were grad_norm, train/loss, "
            "validation/error_rate, validation/loss"
        ),
        2,
        "unchanged",
    ),
    BadInput(
        71,
        "`labtui show s/0` into a pipe: no colours",
        piped,
        "trial       s/0 (id 1)",
        0,
        "unchanged",
    ),
    BadInput(
        72,
        "a terminal of 79 x 23, then 1 x 1, 20 x 5, 40 x 10, 0 x 0, 500 x 200, 100 in a second "
        "(60 x 15 is enough; the contract has a line more)",
        sized((79, 23), (1, 1), (20, 5), (40, 10), (0, 0), (500, 200), storm=100),
        (
            "79 x 23: the lab\n"
            "1 x 1: too small for words\n"
            "20 x 5: labtui needs 60x15\n"
            "40 x 10: labtui needs 60x15\n"
            "0 x 0: too small for words\n"
            "500 x 200: the lab\n"
            "100 x 30: the lab"
        ),
        0,
        "unchanged",
    ),
]
STARTS = [
    BadInput(72, f"opened at {c} x {r}", sized((c, r)), f"{c} x {r}: {said}", 0, "unchanged")
    for c, r, said in (
        (1, 1, "too small for words"),
        (20, 5, "labtui needs 60x15"),
        (79, 23, "the lab"),
        (500, 200, "the lab"),
        (0, 0, "too small for words"),
    )
]


# -- locales --------------------------------------------------------------------------------------

PLAIN = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def in_plain_locale(folder: Path) -> Seen:
    """Show, check, plot and list a lab where only ASCII can be written."""
    make_lab(folder, name="s", points=6, evaluations=3)
    make_lab(folder, name="sch\xf6n \u05e9 \u4e2d e\u0301", points=1, evaluations=2)
    script = (
        "import sys\nfrom labtui.cli.app import main\n"
        "for typed in ('list', 'show s', 'check s', 'plot s axis', 'log s/0'):\n"
        "    print('--', typed)\n"
        "    main(typed.split())\n"
    )
    before = lab_state(folder / "lab.db")
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, **PLAIN, "LABTUI_LAB": str(folder / "lab.db")},
        capture_output=True,
        check=False,
    )
    assert ended.stdout.isascii()
    assert ended.stderr.isascii()
    said = (ended.stdout + ended.stderr).decode()
    assert "Error" not in said, said
    (line,) = [line for line in said.splitlines() if line.startswith("sch")]
    lab = compare_labs(before, lab_state(folder / "lab.db"))
    return Seen(line.partition("  ")[0], ended.returncode, lab)


def screen_in_plain_locale(folder: Path) -> Seen:
    """Look at the lab where only ASCII can be written."""
    make_lab(folder, name="elsewhere", points=6, evaluations=3)
    before = lab_state(folder / "lab.db")
    places = {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), **PLAIN}
    terminal = Terminal(cwd=folder, columns=100, lines=30, environment=places)
    wait_until(lambda: "elsewhere" in plain(terminal.output), 60)
    terminal.press(b"\x11")
    code = terminal.ended()
    terminal.close()
    assert terminal.output.isascii()
    assert b"\\u" not in terminal.output
    assert b"\\x" not in terminal.output
    lab = compare_labs(before, lab_state(folder / "lab.db"))
    return Seen("the lab: ASCII alone", code, lab)


def in_columns(folder: Path) -> Seen:
    """List studies whose names are wide, right to left, combining, and of zero width."""
    for name in ("\u4e2d\u6587", "\u05e9\u05dc\u05d5\u05dd", "e\u0301tude", "a\u200bb", "a\u202eb"):
        make_lab(folder, name=name, points=1, evaluations=2)
    seen = call(folder, "list", out=True)
    cells = (re.match(r"(.*?  )(completed|state)", line) for line in seen.message.splitlines())
    found = [cell[0] for cell in cells if cell]
    assert len({display_width(cell) - len(cell.split()[-1]) for cell in found}) == 1  # in line
    return Seen("\n".join(sorted(found)), seen.code, seen.lab)


LOCALES = [
    BadInput(
        73,
        "`LANG=C`: ASCII alone, and no character is refused",
        in_plain_locale,
        "sch\\xf6n \\u05e9 \\u4e2d e\\u0301",
        0,
        "unchanged",
    ),
    BadInput(
        73,
        "names that are wide, right to left, combining, of no width",
        in_columns,
        (
            "a\\u200bb  completed\n"
            "a\\u202eb  completed\n"
            "étude     completed\n"
            "study     state\n"
            "שלום      completed\n"
            "中文      completed"
        ),
        0,
        "unchanged",
    ),
]


# -- command lines --------------------------------------------------------------------------------


def slots(value: str, said: str = "expected 1 to … (… cores)") -> BadInput:
    """A number of slots that is refused."""

    def do(folder: Path) -> Seen:
        written(folder, space("u: {role: nuisance, range: [0, 1]}"))
        return call(folder, "run", "study.yaml", f"--slots={value.strip(chr(39))}")

    return BadInput(
        74,
        f"`--slots={value}` (the catalogue's `--jobs`)",
        do,
        f"labtui: --slots: found {value}; {said}",
        2,
        "none",
    )


def conflicting(said: str, *options: str) -> BadInput:
    """Options that exclude each other."""

    def do(folder: Path) -> Seen:
        written(folder, space("u: {role: nuisance, range: [0, 1]}"))
        return call(folder, "run", "study.yaml", *options)

    return BadInput(
        76,
        f"`{' '.join(options)}`",
        do,
        f"labtui: Invalid value: {said} (`labtui --help` shows the usage)",
        2,
        "none",
    )


LINES = [
    *map(slots, ("0", "-1", "9999")),
    slots("'abc'", "expected a whole number (`labtui --help` shows the usage)"),
    BadInput(
        75,
        "`labtui lst`",
        typed("lst"),
        ("labtui: No such command 'lst'. Did you mean 'list'? (`labtui --help` shows the usage)"),
        2,
        "none",
    ),
    BadInput(
        75,
        "`labtui frobnicate`",
        typed("frobnicate"),
        "labtui: No such command 'frobnicate'. (`labtui --help` shows the usage)",
        2,
        "none",
    ),
    BadInput(
        75,
        "`labtui list --jsn`",
        typed("list", "--jsn"),
        "labtui: no option --jsn — did you mean --json? (`labtui --help` shows the usage)",
        2,
        "none",
    ),
    BadInput(
        75,
        "`labtui run`",
        typed("run"),
        "labtui: Missing argument 'STUDY.yaml|NAME'. (`labtui --help` shows the usage)",
        2,
        "none",
    ),
    conflicting("--new and --extend exclude each other; give one of them", "--new", "--extend"),
    conflicting("--one shows what its trial prints: leave --detach out", "--one", "--detach"),
]

# -- folders, pipes, signals -----------------------------------------------------------------------


def without_home(folder: Path) -> Seen:
    """List a lab where there is no HOME, and none is known."""
    make_lab(folder, name="s", points=1, evaluations=2)
    surroundings = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_STATE_HOME")}
    return in_surroundings(folder, ["check", "s"], surroundings)


def in_surroundings(
    folder: Path, arguments: list[str], surroundings: dict[str, str], **options
) -> Seen:
    """Type a command where exactly these variables are set; the last line that it prints."""
    before = lab_state(folder / "lab.db")
    ended = subprocess.run(
        [sys.executable, "-m", "labtui", *arguments],
        cwd=folder,
        env={**surroundings, "LABTUI_LAB": str(folder / "lab.db")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )
    said = (ended.stderr or ended.stdout).splitlines()
    lab = compare_labs(before, lab_state(folder / "lab.db"))
    return Seen(as_seen(said[-1] if said else "", folder), ended.returncode, lab)


def screen_without_home(folder: Path) -> Seen:
    """Open the screen where HOME cannot be written, and quit it: what is remembered is not."""
    make_lab(folder, name="elsewhere", points=1, evaluations=2)
    before = lab_state(folder / "lab.db")
    (folder / "home").touch()  # no folder can be made in it, not even by root
    places = {"HOME": str(folder / "home"), "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": ""}
    terminal = Terminal(cwd=folder, columns=100, lines=30, environment=places)
    said = [after(terminal, 0, (100, 30))]
    terminal.press(b"q")
    code = terminal.ended()
    terminal.close()
    lab = compare_labs(before, lab_state(folder / "lab.db"))
    return Seen("\n".join(said), code, lab)


def exported(folder: Path, temporary: Path, limit: int | None = None) -> Seen:
    """Export to XLSX, whose parts are written to TMPDIR first."""
    make_lab(folder, name="s", points=100, evaluations=3)
    surroundings = {**os.environ, "TMPDIR": str(temporary)}

    def small() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return in_surroundings(
        folder, ["export", "s", "--format", "xlsx"], surroundings, preexec_fn=small
    )


def cut_off(folder: Path) -> Seen:
    """Run a study whose report nobody reads: the pipe is closed after the first line."""
    file = write_study(folder, study_text(trials=2, steps=20, every=5))
    paths = LabPaths(folder / "lab.db")
    command = [sys.executable, "-m", "labtui", "run", file.name]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as stdout:
        ended = subprocess.run(
            command, cwd=folder, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
        )
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("s: ")]
    listed = call(folder, "list", out=True).message.splitlines()[1].split()[:3]
    wait_until(lambda: not processes(paths))
    return Seen("\n".join([*lines, f"(in the lab: {' '.join(listed)})"]), ended.returncode, "made")


def interrupted(times: int) -> Callable[[Path], Seen]:
    """Run a study of trials that hang, and press Ctrl-C so often."""

    def do(folder: Path) -> Seen:
        paths = LabPaths(folder / "lab.db")
        hang = {"mode": fixed("hang")} if times > 1 else {"pause": fixed(0.02)}
        file = write_study(folder, study_text(trials=2, steps=200, every=5, **hang))
        terminal = Terminal("run", file.name, "--slots", "1", cwd=folder, columns=200)
        wait_until(lambda: paths.db.exists() and processes(paths, "bootstrap"))
        wait_until(lambda: b"0/2" in terminal.output)
        time.sleep(0.5)
        for number in range(times):
            terminal.interrupt()
            words = (b"Ctrl-C again", b"stopping now", b"")[number]
            wait_until(lambda words=words: words in terminal.output)
        code = terminal.ended()
        wait_until(lambda: not processes(paths), 15)  # no runner, guard, worker or orphan
        terminal.close()
        said = plain(terminal.output).replace("\r", "\n").splitlines()
        kept = [line.strip() for line in said if "stop" in line]
        return Seen("\n".join(dict.fromkeys(kept)), code, "made")

    return do


# -- clocks, limits, rights ------------------------------------------------------------------------


def from_tomorrow(folder: Path) -> Seen:
    """Read a lab that was written before the clock was set back by a day."""
    paths = make_lab(folder, name="s", points=2, ended=3, evaluations=2)
    with contextlib.closing(sqlite3.connect(paths.db)) as lab:
        for table, column in (
            ("studies", "created"),
            ("studies", "activity"),
            ("trials", "started"),
            ("trials", "finished"),
            ("runners", "started"),
        ):
            ahead = f"strftime('%Y-%m-%dT%H:%M:%fZ', {column}, '+1 day')"
            lab.execute(f"UPDATE {table} SET {column} = {ahead} WHERE {column} IS NOT NULL")
        lab.commit()
    listed = call(folder, "list", out=True)
    assert not re.search(r"-\d", listed.message), listed.message
    return Seen(listed.message.splitlines()[1], listed.code, listed.lab)


def limited(name: str, value: int, script: str) -> Callable[[Path], Seen]:
    """Run a study of one trial under a limit of the system (`ulimit`)."""

    def do(folder: Path) -> Seen:
        (folder / "train.py").write_text(script)
        written(folder, replaced("trials: 4", "trials: 1"))
        kind = getattr(resource, name)

        def lower() -> None:
            resource.setrlimit(kind, (value, value))

        seen = in_surroundings(
            folder, ["run", "study.yaml", "--slots", "1"], dict(os.environ), preexec_fn=lower
        )
        wait_until(lambda: not processes(LabPaths(folder / "lab.db")))
        return seen

    return do


def without_processes(folder: Path) -> Seen:
    """Run a study as a user who may start no further process."""
    (folder / "train.py").write_text(LOGS)
    written(folder, BASE)
    os.chown(folder, NOBODY, NOBODY)
    limit = "resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))"
    return as_nobody(folder, "run", "study.yaml", first=limit)


def of_root(*arguments: str) -> Callable[[Path], Seen]:
    """Have a user without rights use a lab that only its owner may read."""

    def do(folder: Path) -> Seen:
        make_lab(folder, name="s", points=1, evaluations=2)
        (folder / "lab.db").chmod(0o600)
        folder.chmod(0o755)
        return as_nobody(folder, *arguments)

    return do


KILLED = "import os\ndef train(trial):\n    os.kill(os.getpid(), 9)\n"
LOGS = "def train(trial):\n    trial.log(10, {'loss': 0.5})\n"
FOLDERS = [
    BadInput(
        77,
        "`HOME` unset: `labtui check s`",
        without_home,
        "input-bound: data_wait and step_time were not logged (2 times)",
        0,
        "unchanged",
    ),
    BadInput(
        77,
        "`HOME` cannot be written: the screen",
        screen_without_home,
        "100 x 30: the lab",
        0,
        "unchanged",
    ),
    BadInput(
        77,
        "`TMPDIR` is missing: an export",
        lambda f: exported(f, f / "no"),
        "wrote s.xlsx (1 study, 200 trials)",
        0,
        "unchanged",
    ),
    BadInput(
        77,
        "`TMPDIR` is full: an export",
        lambda f: exported(f, f, 40_000),
        (
            "labtui: s.xlsx: File too large; nothing was written there; raise the limit on the "
            "size of files (`ulimit -f` shows it)"
        ),
        74,
        "unchanged",
    ),
]
SIGNALS = [
    BadInput(
        78,
        "`labtui run study.yaml | head -1`",
        cut_off,
        "(in the lab: s completed 2/2)",
        141,
        "made",
    ),
    BadInput(
        79,
        "Ctrl-C",
        interrupted(1),
        (
            "stopping after the next evaluation of each trial; Ctrl-C again stops now\n"
            "s: stopped by a person; `labtui run s` resumes it"
        ),
        130,
        "made",
    ),
    BadInput(
        79,
        "Ctrl-C twice, while trials hang",
        interrupted(2),
        (
            "stopping after the next evaluation of each trial; Ctrl-C again stops now\n"
            "stopping now\n"
            "s: stopped by a person; `labtui run s` resumes it"
        ),
        130,
        "made",
    ),
    BadInput(
        79,
        "Ctrl-C three times, while trials hang",
        interrupted(3),
        ("stopping after the next evaluation of each trial; Ctrl-C again stops now\nstopping now"),
        130,
        "made",
    ),
]
LIMITS = [
    BadInput(
        80,
        "the clock was set back by a day",
        from_tomorrow,
        (
            "s      completed   3/4           0  0.04862      0  just now  digits-mlp        "
            "Does Adam reach a lower validation error than Nesterov?"
        ),
        0,
        "unchanged",
    ),
    BadInput(
        80,
        "`ulimit -n 64`: enough",
        limited("RLIMIT_NOFILE", 64, LOGS),
        "s: 1/1 trials, best 0.5 (trial 0), done",
        0,
        "made",
    ),
    BadInput(
        80,
        "`ulimit -n 12`",
        limited("RLIMIT_NOFILE", 12, LOGS),
        ("labtui: ulimit -n: found 12 open files at most; expected 64 or more: `ulimit -n 1024`"),
        2,
        "none",
    ),
    BadInput(
        80,
        "`ulimit -u 1`",
        reachable(without_processes),
        (
            "labtui: can't start new thread; too many processes for the limit of this user: "
            "`ulimit -u` shows it"
        ),
        74,
        "made",
    ),
    BadInput(
        80,
        "`ulimit -v` around a trial that needs more",
        limited("RLIMIT_AS", 1 << 30, "def train(trial):\n    bytearray(2 << 30)\n"),
        (
            "1 of 1 trials infeasible, none completed; the first, s/0: out of memory (`ulimit "
            "-v` is 1048576 kB); `labtui show s/0` says more"
        ),
        1,
        "made",
    ),
    BadInput(
        81,
        "`labtui list` of a lab that only root may read",
        reachable(of_root("list")),
        "labtui: FOLDER/lab.db: permission denied; expected a lab that you may read",
        74,
        "unchanged",
    ),
    BadInput(
        81,
        "`labtui note` in a lab of root's",
        reachable(of_root("note", "s", "x")),
        "labtui: FOLDER/lab.db: permission denied; expected a lab that you may read",
        74,
        "unchanged",
    ),
]

ROWS = [*TERMINALS, *LOCALES, *LINES, *FOLDERS, *SIGNALS, *LIMITS]
SLOW = [
    *STARTS,
    BadInput(
        73,
        "the screen where the locale has ASCII alone",
        screen_in_plain_locale,
        "the lab: ASCII alone",
        0,
        "unchanged",
    ),
    BadInput(
        80,
        "killed as the kernel does it that has no memory left (SIGKILL), three times",
        limited("RLIMIT_NOFILE", 256, KILLED),
        (
            "1 of 1 trials failed; the first, s/0: its worker was killed by SIGKILL, by hand or "
            "for want of memory, 3 times after step 0; `labtui show s/0` says more"
        ),
        1,
        "made",
    ),
]
"""Done by `make bad-inputs` alone: a screen is opened for each, and one row gives it all sizes."""
