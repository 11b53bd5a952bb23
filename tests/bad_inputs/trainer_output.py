"""53 to 70: what trainers print, say and do that they should not."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from pathlib import Path

from labtui.engine import client
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.study.spec import parse_study
from tests.bad_inputs.row import BadInput, Seen, call
from tests.bad_inputs.trials import (
    Shared,
    alone,
    command,
    trial_lines,
    without_progress,
    write_program,
    write_study,
)

PROGRAM = r"""
import os, signal, sys, time
mode = sys.argv[1]
def say(text): os.write(1, text if isinstance(text, bytes) else text.encode())
def line(text): say(text + "\n")
LINES = {
    "words": "epoch 1: loss 0.5",
    "nan": '{"step": 1, "x": NaN, "y": Infinity, "z": 1e999}',
    "nan, as printf has it": '{"step": 1, "x": -nan, "y": -inf}',
    "no step": '{"x": 1}\n{"x": 2}',
    "negative step": '{"step": -1, "x": 1}',
    "step 2.5": '{"step": 2.5, "x": 1}',
    "step 2^63": '{"step": 9223372036854775808, "x": 1}',
    "step twice": '{"step": 3, "x": 1}\n{"step": 3, "x": 2}',
    "steps backwards": '{"step": 4, "x": 1}\n{"step": 2, "x": 2}',
    "step too far": '{"step": 99, "x": 1}',
    "text": '{"step": 1, "x": "low"}',
    "true": '{"step": 1, "x": true, "y": false}',
    "null": '{"step": 1, "x": null, "y": 1}',
    "list": '{"step": 1, "x": [1, 2]}',
    "nested": '{"step": 1, "a": {"b": {"c": 2}}}',
    "deep": '{"step": 1, "x": ' + '{"a": ' * 500 + "1" + "}" * 501,
    "nameless": '{"step": 1, "": 1}',
    "long name": '{"step": 1, "' + "n" * 5000 + '": 1}',
    "another": '{"trial": 0, "study": "other", "attempt": 7, "step": 1, "x": 1}',
    "binary": b"\x00\x01\xfe\xff\n",
    "escapes": "\x1b]52;c;aGk=\x07\x1b[2J\x1b[31mred",
    "progress": b"\r 10%\r 50%\r100%\n",
    "utf-8": b"caf\xe9\n",
}
if mode in LINES:
    line(LINES[mode]) if isinstance(LINES[mode], str) else say(LINES[mode])
if mode == "half":
    say('{"step": 1, "x"'); os._exit(1)
if mode == "unended":
    say('{"step": 5, "validation/error_rate": 0.25}'); os._exit(0)
if mode == "long line":
    say("x" * 3_000_000 + "\n")
if mode == "flood":
    for n in range(50): say(b'{"step": 5, "x": 1.5}\n' * 1000)
if mode == "names":
    for n in range(10_000): line('{"step": 1, "m%d": 1}' % n)
if mode == "stdin":
    line('{"step": 1, "bytes of stdin": %d}' % len(sys.stdin.read()))
if mode in ("final twice", "failed after all"):
    line('{"step": 5, "validation/error_rate": 0.5, "x": 1}')
if mode == "final twice":
    line('{"step": 5, "validation/error_rate": 0.25}')
if mode == "failed after all":
    print("no space for the model", file=sys.stderr); sys.exit(3)
if mode == "silent":
    sys.exit(0)
if mode == "other metric":
    line('{"step": 5, "validation/eror_rate": 0.5}'); sys.exit(0)
line('{"step": 5, "validation/error_rate": 0.5}')
if mode in ("closes", "closes and fails"):
    os.close(1); os.close(2); time.sleep(0.3)
    sys.exit(4 if mode == "closes and fails" else 0)
if mode == "daemon":
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            with open("daemon.new", "w") as file: file.write(str(os.getpid()))
            os.rename("daemon.new", "daemon")
            time.sleep(600)
        os._exit(0)
    os.wait()
    while not os.path.exists("daemon"): time.sleep(0.01)
if mode == "deaf":
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told or told.append(time.monotonic()))
    line('{"step": 5, "validation/loss": NaN}')
    while True:
        with open("beats", "w") as file: file.write(repr([*told, time.monotonic()]))
        os.replace("beats", "deaf")
        time.sleep(0.05)
"""
"""Reports whatever it is asked for, and the objective at the end."""

FUNCTION = r"""
import os, stat, sys, time
def train(trial):
    mode = trial.params["mode"]
    if mode == "nan": trial.log(1, {"x": float("nan"), "y": float("inf")})
    if mode == "negative step": trial.log(-1, {"x": 1})
    if mode == "text": trial.log(1, {"x": "low"})
    if mode == "list": trial.log(1, {"x": [1, 2]})
    if mode == "name": trial.log(1, {5: 1.0})
    if mode == "raises": raise RuntimeError("the data are broken \x1b[2J")
    if mode == "deep": f0()
    if mode == "leaves": sys.exit("leaving")
    if mode == "gone": os._exit(0)
    if mode == "stdin": trial.log(1, {"bytes of stdin": len(sys.stdin.read())})
    if mode == "stdout": os.close(1); sys.stdout = None
    if mode == "silent": return
    if mode == "wire":
        for name in ("3", "4", "5", "6", "7", "8", "9"):
            try:
                if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                    os.write(int(name), b"J" + (2).to_bytes(4, "little") + b"{}")
                    time.sleep(60)
            except OSError:
                pass
    if mode == "fork":
        if os.fork() == 0:
            trial.log(1, {"x": 1})
        os.wait()
    trial.log(5, {"validation/error_rate": 0.5})
"""

FUNCTION += "".join(f"def f{n}(): f{n + 1}()\n" for n in range(10))
FUNCTION += "def f10(): raise ValueError('at the bottom')\n"
"""The same from within: a function that the worker calls."""

programs = Shared(command("./train.py", "{mode}"), "train.py", PROGRAM)
functions = Shared("{python: train.py:train}", "train.py", FUNCTION)


GRACE = 10
"""Seconds between SIGTERM and SIGKILL."""


def no_program(folder: Path) -> str:
    """A command that is not there; another with nearly its name is."""
    write_program(folder, "train.sh", "")
    return command("./trian.sh")


def not_executable(folder: Path) -> str:
    """A script without the right to be run."""
    (folder / "train.sh").write_text("#!/bin/sh\n")
    return command("./train.sh")


def no_format(folder: Path) -> str:
    """A file that is no program of any kind."""
    (folder / "train.sh").write_text("echo hello\n")
    (folder / "train.sh").chmod(0o755)
    return command("./train.sh")


def no_interpreter(folder: Path) -> str:
    """A script whose first line names what is not there."""
    (folder / "train.sh").write_text("#!/no/such/thing\n")
    (folder / "train.sh").chmod(0o755)
    return command("./train.sh")


def no_import(folder: Path) -> str:
    """A module that imports what is not installed."""
    (folder / "train.py").write_text("import no_such_module\n")
    return "{python: train.py:train}"


def no_function(folder: Path) -> str:
    """A module without the function that the study names."""
    (folder / "train.py").write_text("def trian(trial): pass\n")
    return "{python: train.py:train}"


def a_lambda(folder: Path) -> str:
    """A trainer that no pickle could hold."""
    (folder / "train.py").write_text(
        "import threading\nlock = threading.Lock()\n"
        'train = lambda trial: lock and trial.log(5, {"validation/error_rate": 0.5})\n'
    )
    return "{python: train.py:train}"


def folder_gone(folder: Path) -> Seen:
    """The study's folder is removed after it was handed over, and the study resumed."""
    code = folder / "code"
    code.mkdir()
    write_program(code, "train.py", PROGRAM)
    write_study(code, command("./train.py", "{mode}"), ["a"])
    call(folder, "run", "code/study.yaml")
    text = (code / "study.yaml").read_text().replace("trials: 1", "trials: 2")
    (code / "study.yaml").write_text(text)
    (code / "train.py").unlink()
    seen = call(folder, "run", "code/study.yaml", "--extend")
    return Seen(without_progress(seen.message), seen.code, seen.lab)


def deaf(folder: Path) -> Seen:
    """A program that has diverged and ignores SIGTERM: killed 10 seconds later."""
    write_program(folder, "train.py", PROGRAM)
    write_study(folder, command("./train.py", "{mode}"), ["deaf"])
    run = call(folder, "run", "study.yaml")
    asked, last = json.loads((folder / "deaf").read_text())
    assert GRACE - 1 <= last - asked <= GRACE + 5, (asked, last)
    return Seen(trial_lines(folder, 0), run.code, run.lab)


def daemon_swept(folder: Path, _: int) -> str:
    """Say what became of the daemon, which wrote its number."""
    pid = int((folder / "daemon").read_text())
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return f"its daemon {pid} lives"
    return "its daemon is gone"


def left_from(folder: Path) -> Seen:
    """The folder that a queued study trains in is removed."""
    code = folder / "code"
    code.mkdir()
    write_study(code, "{python: train.py:train}", "abcd")
    (code / "train.py").write_text("def train(trial): pass\n")
    study = parse_study((code / "study.yaml").read_bytes())
    request = {"kind": "submit", "study": study.to_json(), "folder": str(code)}
    client.ask(
        LabPaths(folder / "lab.db"),
        {**request, "interpreter": sys.executable, "environment": {}},
    )
    shutil.rmtree(code)
    seen = call(folder, "run", "s")
    return Seen(without_progress(seen.message), seen.code, seen.lab)


def traceback_kept(folder: Path, number: int) -> str:
    """Say how much is kept of the traceback of an error ten calls deep; its log has it whole."""
    with Lab(LabPaths(folder / "lab.db")) as lab:
        trial = lab.trial(f"s/{number}")
    log = LabPaths(folder / "lab.db").trial_log(trial.id).read_text()
    assert [f"in f{n}\n" in log for n in range(11)] == [True] * 11, log
    kept = trial.detail.splitlines()
    assert [kept[0].partition(" ")[0], kept[-1]] == ["Traceback", "ValueError: at the bottom"]
    return f"{len(kept)} lines, one of them: {kept[1].strip()}"


ROWS: list[BadInput] = [
    programs.row(53, "prints a line that is no JSON", "words", "completed\nlog: epoch 1: loss 0.5"),
    programs.row(
        54,
        "prints half a line and dies",
        "half",
        'failed: ./train.py ended with exit code 1: {"step": 1, "x"\nlog: {"step": 1, "x"',
    ),
    programs.row(54, "ends well with a line without its newline", "unended", "completed"),
    programs.row(
        55,
        "prints `NaN`, `Infinity` and `1e999`",
        "nan",
        "completed\nx: nan at 1\ny: inf at 1\nz: inf at 1",
    ),
    programs.row(
        55,
        "prints `-nan` and `-inf` as C does",
        "nan, as printf has it",
        "completed\nx: nan at 1\ny: -inf at 1",
    ),
    functions.row(
        55, "a function logs NaN and infinity", "nan", "completed\nx: nan at 1\ny: inf at 1"
    ),
    programs.row(56, "prints no step", "no step", "completed\nx: 1.0 at 1, 2.0 at 2"),
    programs.row(
        56,
        "prints a negative step",
        "negative step",
        "failed: line 1 of its standard output: step: found -1; expected the updates "
        "completed, a whole number from 0",
    ),
    functions.row(
        56,
        "a function logs a negative step",
        "negative step",
        "failed: ValueError: log: found step -1; expected the updates done, 0 or more",
    ),
    programs.row(
        56,
        "prints step 2.5",
        "step 2.5",
        "failed: line 1 of its standard output: step: found 2.5; expected the updates "
        "completed, a whole number from 0",
    ),
    programs.row(
        56,
        "prints step 2^63",
        "step 2^63",
        "failed: line 1 of its standard output: step: found 9223372036854775808; "
        "expected the updates completed, a whole number from 0",
    ),
    programs.row(
        56,
        "prints a step twice",
        "step twice",
        "completed\n"
        "x: 2.0 at 3\n"
        "warning: 1 value was reported for a step that had one already, or for an "
        "earlier one; the last one counts",
    ),
    programs.row(
        56,
        "prints steps that decrease",
        "steps backwards",
        "completed\n"
        "x: 2.0 at 2, 1.0 at 4\n"
        "warning: 1 value was reported for a step that had one already, or for an "
        "earlier one; the last one counts",
    ),
    programs.row(
        56,
        "prints a step after the last",
        "step too far",
        "completed\n"
        "x: 1.0 at 99\n"
        "warning: it reported step 99 of 5: train no longer than {max_steps}, or "
        "trials cannot be compared (P11)",
    ),
    programs.row(
        57,
        "prints a line of 3 MB",
        "long line",
        "completed\n"
        "warning: 1 of its lines were longer than 1,048,576 bytes and were cut\n"
        "log: xxxxxxxxxxxxxxxxxxxx… 1,048,592",
    ),
    programs.row(
        58,
        "prints 50,000 reports at once",
        "flood",
        "completed\n"
        "x: 1.5 at 5\n"
        "warning: 49,999 values were reported for a step that had one already, or for "
        "an earlier one; the last one counts",
    ),
    programs.row(59, "prints binary data", "binary", "completed\nlog: ␀␁��"),
    programs.row(
        59, "prints escape sequences", "escapes", "completed\nlog: ␛]52;c;aGk=␇␛[2J␛[31mred"
    ),
    programs.row(59, "prints a progress bar", "progress", "completed\nlog: 100%"),
    programs.row(59, "prints Latin-1", "utf-8", "completed\nlog: caf�"),
    programs.row(
        60,
        "the value is text",
        "text",
        'failed: line 1 of its standard output: x: found "low"; expected a number',
    ),
    functions.row(
        60,
        "a function logs text",
        "text",
        "failed: TypeError: metric 'x': found str 'low'; expected a number\n"
        "log: TypeError: metric 'x': found str 'low'; expected a number",
    ),
    programs.row(60, "the value is true or false", "true", "completed\nx: 1.0 at 1\ny: 0.0 at 1"),
    programs.row(60, "the value is null", "null", "completed\ny: 1.0 at 1"),
    programs.row(
        60,
        "the value is a list",
        "list",
        "failed: line 1 of its standard output: x: found [1, 2]; expected a number",
    ),
    functions.row(
        60,
        "a function logs a list",
        "list",
        "failed: TypeError: metric 'x': found list '[1, 2]'; expected a number\n"
        "log: TypeError: metric 'x': found list '[1, 2]'; expected a number",
    ),
    programs.row(60, "the value is nested", "nested", "completed\na/b/c: 2.0 at 1"),
    programs.row(
        60,
        "the value is nested 500 deep",
        "deep",
        "failed: line 1 of its standard output: "
        "x/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/…: found more than 20 levels of "
        "nested metrics",
    ),
    programs.row(
        60,
        "the metric has no name",
        "nameless",
        "failed: line 1 of its standard output: log: found metric name ''; expected text",
    ),
    functions.row(
        60,
        "a function logs a metric named 5",
        "name",
        "failed: TypeError: log: found metric name 5; expected text",
    ),
    programs.row(
        60,
        "the metric's name has 5,000 characters",
        "long name",
        "failed: line 1 of its standard output: log: found a metric name of 5,000 "
        "characters, 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn'…; expected at most 300",
    ),
    programs.row(
        61,
        "prints 10,000 names of metrics",
        "names",
        "completed\n"
        "m0: 1.0 at 1\n"
        "m1: 1.0 at 1\n"
        "m10: 1.0 at 1\n"
        "m100: 1.0 at 1\n"
        "and 996 metrics\n"
        "warning: more than 1,000 metrics; the further ones are not kept",
    ),
    programs.row(
        62,
        "prints the last report twice",
        "final twice",
        "completed\n"
        "x: 1.0 at 5\n"
        "warning: 2 values were reported for a step that had one already, or for an "
        "earlier one; the last one counts",
    ),
    programs.row(
        62,
        "reports all and exits with 3",
        "failed after all",
        "failed: ./train.py ended with exit code 3: no space for the model\n"
        "x: 1.0 at 5\n"
        "log: no space for the model",
    ),
    functions.row(
        62, "a function raises", "raises", "failed: RuntimeError: the data are broken ␛[2J"
    ),
    functions.row(62, "a function calls `sys.exit`", "leaves", "failed: SystemExit: leaving"),
    functions.row(
        62,
        "a function calls `os._exit(0)`",
        "gone",
        "failed: the trainer ended its process with exit code 0",
    ),
    programs.row(
        63,
        "ends well and reports nothing",
        "silent",
        "failed: metric 'validation/error_rate' was never reported; saw nothing",
    ),
    programs.row(
        63,
        "ends well and reports another metric",
        "other metric",
        "failed: metric 'validation/error_rate' was never reported; saw "
        "validation/eror_rate; did you mean 'validation/eror_rate'?\n"
        "validation/eror_rate: 0.5 at 5",
    ),
    functions.row(
        63,
        "a function returns and logs nothing",
        "silent",
        "failed: metric 'validation/error_rate' was never reported; saw nothing",
    ),
    programs.row(64, "closes its stdout and lives on", "closes", "completed"),
    functions.row(64, "a function closes stdout and sets it to None", "stdout", "completed"),
    programs.row(
        64,
        "closes its stdout, lives on, and ends with 4",
        "closes and fails",
        "failed: ./train.py ended with exit code 4 and said nothing",
    ),
    programs.row(
        65,
        "daemonises: setsid, two forks, deaf to SIGTERM",
        "daemon",
        "completed\nits daemon is gone",
        daemon_swept,
    ),
    functions.row(
        65,
        "a function forks and lets the copy log too",
        "fork",
        "completed\n"
        "log: RuntimeError: log: called in a process that the trainer forked; report "
        "from the process that it was started in, or use `trainer: {command: …}`, "
        "whose processes may all",
    ),
    programs.row(67, "reads stdin", "stdin", "completed\nbytes of stdin: 0.0 at 1"),
    functions.row(67, "a function reads stdin", "stdin", "completed\nbytes of stdin: 0.0 at 1"),
    programs.run(
        68,
        "trials fail in different ways, others complete",
        "13 of 36 trials failed; the first, s/1: ./train.py ended with exit code 1: "
        '{"step": 1, "x"; `labtui show s/1` has its traceback',
    ),
    alone(
        68,
        "the command is not there",
        no_program,
        "s: 3 trials in a row failed at once: command: found no program './trian.sh' "
        "in FOLDER; did you mean './train.sh'?; `labtui run s` resumes it",
    ),
    alone(
        68,
        "the command is not executable",
        not_executable,
        "s: 3 trials in a row failed at once: command: cannot start './train.sh': it "
        "is not executable; make it so (chmod +x ./train.sh) or name what runs it: "
        "[sh, …]; `labtui run s` resumes it",
    ),
    alone(
        68,
        "the command is no program",
        no_format,
        "s: 3 trials in a row failed at once: command: cannot start './train.sh': it "
        "is no program for this machine, and no script: its first line has no '#!'; "
        "`labtui run s` resumes it",
    ),
    alone(
        68,
        "the command's interpreter is not there",
        no_interpreter,
        "s: 3 trials in a row failed at once: command: cannot start './train.sh': what "
        "its first line names is not there: #!/no/such/thing; `labtui run s` resumes it",
    ),
    BadInput(
        68,
        "the folder that a study trains in is gone",
        left_from,
        "s: the folder that it trains in is gone: FOLDER/code; put it back; `labtui run s` "
        "resumes it",
        1,
        "changed",
    ),
    functions.row(
        69,
        "a function fails ten calls deep: what is kept of its traceback (all is in the log)",
        "deep",
        "failed: ValueError: at the bottom\n"
        "log: ValueError: at the bottom\n"
        "20 lines, one of them: … lines cut …",
        traceback_kept,
    ),
    alone(
        69,
        "an import that fails in the trainer's module",
        no_import,
        "s: 3 trials in a row failed at once: ModuleNotFoundError: No module named "
        "'no_such_module'; `labtui run s` resumes it",
    ),
    alone(
        69,
        "a module without the function",
        no_function,
        "s: 3 trials in a row failed at once: AttributeError: trainer: found no "
        "function 'train' in FOLDER/train.py; did you mean 'trian'?; `labtui run s` "
        "resumes it",
    ),
    alone(69, "a lambda that no pickle could hold", a_lambda, "", code=0),
    programs.row(70, "claims another trial's id", "another", "completed\nx: 1.0 at 1"),
    functions.row(
        70,
        "a function writes to labtui's own connection",
        "wire",
        "failed: its process wrote to labtui's connection what labtui never does "
        "(found lane None of 1); a trainer must leave files alone that it did not open",
    ),
]
SLOW: list[BadInput] = [
    BadInput(
        66,
        "goes on after SIGTERM: SIGKILL 10 s later",
        deaf,
        "infeasible: diverged at step 5\nvalidation/loss: nan at 5",
        1,
        "made",
    ),
    BadInput(
        68,
        "the program is gone when the study is resumed",
        folder_gone,
        "1 of 2 trials failed; the first, s/1: command: found no program './train.py' "
        "in FOLDER/code; `labtui show s/1` has its traceback",
        0,
        "changed",
    ),
]
"""They wait: for the ten seconds that a program has to end itself."""
