"""What programs may print and how they may end: rows 53–70 of the catalogue of bad input."""

from __future__ import annotations

import json
import math
import resource
import signal
import sys
import time
from pathlib import Path

import pytest

from labtui.trainer.trial import Diverged, Infeasible, Killed
from labtui_command.errors import CommandError
from labtui_command.lines import LONGEST
from tests.support.commands import attempt, awk, python, shell


def rows(*lines, code=0, **options):
    """Run a program that prints these lines, and give its attempt."""
    text = "\n".join(lines).encode() + b"\n"
    script = f"import sys; sys.stdout.buffer.write({text!r}); sys.stdout.flush(); sys.exit({code})"
    return attempt(python(script), **options)


# -- 53 to 55: what is a report -----------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "epoch 1: loss 0.5",
        '{"step": 1, "loss": 0.5',
        '{"step": 1, "loss": 0.5}}',
        '[1, {"step": 1}]',
        '{"level": "info", "msg": "loading", "time": 12.5}',
        "{}",
        "{" * 5000 + "}",
        '"step"',
    ],
)
def test_row_53_a_line_that_is_no_report_is_a_line_of_the_log(line, capfd):
    trial = rows(line, '{"step": 2, "loss": 1.5}')
    assert trial.points == [("loss", 2, 1.5)]
    assert capfd.readouterr().out == line + "\n"


@pytest.mark.parametrize(("code", "kept"), [(0, True), (7, False)])
def test_row_54_a_line_without_its_newline_counts_only_at_a_good_end(code, kept, capfd):
    program = python(f'import os; os.write(1, b\'{{"step": 1, "a": 2}}\'); os._exit({code})')
    trial = attempt(program, expect=None if kept else CommandError)
    assert trial.points == ([("a", 1, 2.0)] if kept else [])
    assert capfd.readouterr().out == ("" if kept else '{"step": 1, "a": 2}\n')


def test_row_54_half_a_line_and_death(capfd):
    half = python('import os; os.write(1, b\'{"step": 1, "a"\'); os.kill(os.getpid(), 9)')
    trial = attempt(half, expect=Killed)
    assert (trial.points, trial.error.number) == ([], signal.SIGKILL)
    assert capfd.readouterr().out == '{"step": 1, "a"\n'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", math.nan),
        ("-NaN", math.nan),
        ("-nan", math.nan),
        ("+nan", math.nan),
        ('"NaN"', math.nan),
        ("Infinity", math.inf),
        ("-inf", -math.inf),
        ("+inf", math.inf),
        ('"-Infinity"', -math.inf),
        ("1e999", math.inf),
        ("-0.0", -0.0),
        ("5e-324", 5e-324),
    ],
)
def test_row_55_numbers_that_json_does_not_know(text, value):
    trial = rows(f'{{"step": 3, "x": {text}, "y": 1}}')
    (_, _, found), y = trial.points
    assert repr(found) == repr(value)
    assert y == ("y", 3, 1.0)


def test_row_55_a_bare_nan_as_printf_writes_it_is_a_divergence():
    trial = rows('{"step": 4, "validation/loss": nan}', expect=Diverged)
    assert trial.error.step == 4


# -- 56: steps ----------------------------------------------------------------------------------


def test_row_56_a_missing_step_counts_up_by_itself():
    trial = rows('{"a": 1}', '{"a": 2}', '{"step": 7, "a": 3}', '{"a": 4}')
    assert [step for _, step, _ in trial.points] == [1, 2, 7, 8]


@pytest.mark.parametrize("step", ["-1", "2.5", str(2**63), '"3"', "true", "null", "1e30", "[1]"])
def test_row_56_an_impossible_step_names_its_line(step):
    trial = rows("hello", f'{{"step": {step}, "a": 1}}', expect=CommandError)
    assert str(trial.error) == (
        f"line 2 of its standard output: step: found {json.dumps(json.loads(step))}; "
        "expected the updates completed, a whole number from 0"
    )


@pytest.mark.parametrize(("step", "number"), [("0", 0), ("10.0", 10), ("1e2", 100)])
def test_row_56_a_whole_step_may_be_written_as_a_float(step, number):
    assert rows(f'{{"step": {step}, "a": 1}}').points == [("a", number, 1.0)]


def test_row_56_the_last_of_two_values_counts_and_is_counted():
    lines = ['{"step": 5, "a": 1}', '{"step": 5, "a": 2}', '{"step": 3, "a": 3, "b": 1}']
    trial = rows(*lines)
    assert [value for name, _, value in trial.points if name == "a"] == [1.0, 2.0, 3.0]
    assert trial.warnings == [
        "2 values were reported for a step that had one already, or for an earlier one; the last "
        "one counts"
    ]


# -- 57 to 59: lines ----------------------------------------------------------------------------


def test_row_57_a_line_of_100_megabytes_is_cut(capfd):
    script = """
    import sys
    for _ in range(100):
        sys.stdout.write("x" * 1_000_000)
    print()
    print('{"step": 1, "a": 1}')
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    trial = attempt(python(script))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB
    assert trial.points == [("a", 1, 1.0)]
    assert capfd.readouterr().out == "x" * LONGEST + " [cut by labtui]\n"
    assert trial.warnings == ["1 of its lines were longer than 1,048,576 bytes and were cut"]


def test_row_58_a_flood_of_lines_is_kept_up_with_and_none_is_lost():
    """From a program that prints faster than anything can be read: it waits, nobody grows."""
    program = (
        'BEGIN { for (i = 1; i <= 300000; i++) printf "{\\"step\\": %d, \\"a\\": 1.5}\\n", i }'
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    trial = attempt(awk(program), max_steps=300_000, sink=Counting())
    assert trial.sink.last == 300_000
    assert trial.sink.count == 300_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_row_58_a_flood_of_log_lines(capfd):
    attempt(awk('BEGIN { for (i = 1; i <= 300000; i++) print "a line of the log", i }'))
    lines = capfd.readouterr().out.splitlines()
    assert (len(lines), lines[-1]) == (300_000, "a line of the log 300000")


@pytest.mark.parametrize(
    ("printed", "logged"),
    [
        (b"\r 10%\r 50%\r100%\ndone\n", "100%\ndone\n"),
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"\xff\xfe\x00caf\xe9\n", "\ufffd\ufffd\x00caf\ufffd\n"),
        (b"\x1b[31mred\x1b[0m\n", "\x1b[31mred\x1b[0m\n"),
        (b"\n\n", "\n\n"),
        ("caf\u00e9 ✓\n".encode(), "café ✓\n"),
    ],
)
@pytest.mark.parametrize("stream", [1, 2])
def test_row_59_bytes_and_progress_bars(printed, logged, stream, capfd):
    attempt(python(f"import os; os.write({stream}, {printed!r})"))
    assert capfd.readouterr()[stream - 1] == logged


def test_row_59_a_progress_bar_takes_no_memory(capfd):
    script = """
    import os
    for n in range(60_000):
        os.write(2, b"\\r%5d " % n + b"#" * 40)
    os.write(2, b"\\n")
    """
    trial = attempt(python(script))
    assert capfd.readouterr().err == "59999 " + "#" * 40 + "\n"
    assert not trial.warnings


def test_row_59_a_report_behind_a_progress_bar():
    trial = attempt(python('import os; os.write(1, b\'\\r 10%\\r{"step": 1, "a": 2}\\r\\n\')'))
    assert trial.points == [("a", 1, 2.0)]


# -- 60 and 61: values and names ----------------------------------------------------------------


def test_row_60_values_that_are_numbers_in_disguise():
    line = '{"step": 1, "yes": true, "no": false, "none": null, "deep": {"er": {"x": 2}}}'
    metrics = '{"step": 2, "metrics": {"a": 1, "b": {"c": 2}}}'
    assert rows(line, metrics).points == [
        ("yes", 1, 1.0),
        ("no", 1, 0.0),
        ("deep/er/x", 1, 2.0),
        ("a", 2, 1.0),
        ("b/c", 2, 2.0),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"step": 1, "a": "low"}', 'a: found "low"; expected a number'),
        ('{"step": 1, "a": {"b": [1, 2]}}', "a/b: found [1, 2]; expected a number"),
        ('{"step": 1, "a": "' + "x" * 99 + '"}', 'a: found "' + "x" * 58 + "…; expected a number"),
        ('{"step": 1, "a": 1' + "0" * 400 + "}", "a: found a whole number above 1e308"),
        ('{"step": 1, "checkpoint": 3}', "checkpoint: found 3; expected text"),
        ('{"epoch": -1, "a": 1}', "epoch: found -1; expected the epochs completed, from 0"),
        (
            '{"epoch": 1, "a": 1}',
            "epoch: found no steps_per_epoch; add `steps_per_epoch: N` to the study file",
        ),
    ],
)
def test_row_60_other_values_name_their_key(line, said):
    trial = rows(line, expect=CommandError)
    assert str(trial.error) == f"line 1 of its standard output: {said}"


def test_row_61_a_thousand_metrics_and_no_more():
    lines = [json.dumps({"step": n, f"m{n}": 1, "again": n}) for n in range(1, 1500)]
    trial = rows(*lines, max_steps=2000)
    assert len({name for name, _, _ in trial.points}) == 1000
    assert [step for name, step, _ in trial.points if name == "again"] == list(range(1, 1500))
    assert trial.warnings == ["more than 1,000 metrics; the further ones are not kept"]


# -- 62 to 68: ends -----------------------------------------------------------------------------


def test_row_62_the_exit_code_wins_and_metrics_are_kept(capfd):
    trial = rows('{"step": 50, "validation/loss": 1}', "the end", code=3, expect=CommandError)
    assert trial.points == [("validation/loss", 50, 1.0)]
    first, *rest = str(trial.error).splitlines()
    assert first == f"{sys.executable} ended with exit code 3: the end"
    assert rest == ["", "the last it said:", "the end"]


def test_row_62_what_it_said_on_standard_error_is_told_first():
    script = "echo out; for n in $(seq 30); do echo error $n >&2; done; exit 137"
    trial = attempt(shell(script), expect=CommandError)
    first, *rest = str(trial.error).splitlines()
    assert first == (
        "sh ended with exit code 137 (128 + 9: perhaps killed by that signal): error 30"
    )
    assert rest[2:] == [f"error {n}" for n in range(11, 31)]
    assert str(attempt(shell("exit 4"), expect=CommandError).error) == (
        "sh ended with exit code 4 and said nothing"
    )


def test_row_62_two_last_lines():
    assert rows('{"step": 50, "a": 1}', '{"step": 50, "a": 2}').points[-1] == ("a", 50, 2.0)


def test_row_63_no_metric_at_all_is_for_the_runner_to_judge():
    assert rows("nothing").points == []


def test_row_64_a_program_that_closes_its_streams_is_waited_for(tmp_path):
    mark = tmp_path / "mark"
    script = f"""
    import os, time
    os.write(1, b'{{"step": 1, "a": 1}}\\n')
    os.close(1); os.close(2)
    time.sleep(0.3)
    open({str(mark)!r}, "w")
    """
    assert attempt(python(script)).points == [("a", 1, 1.0)]
    assert mark.exists()


def test_row_65_what_daemonises_is_swept_up(tmp_path):
    mark = tmp_path / "pid"
    script = f"""
    import os, sys, time
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        with open({str(mark)!r} + "-new", "w") as file:
            file.write(str(os.getpid()))
        os.rename({str(mark)!r} + "-new", {str(mark)!r})
        time.sleep(600)
    while not os.path.exists({str(mark)!r}):
        time.sleep(0.01)
    print('{{"step": 1, "a": 1}}')
    """
    assert attempt(python(script)).points == [("a", 1, 1.0)]
    _gone(int(mark.read_text()))


def test_row_66_what_ignores_sigterm_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("labtui_command.process.GRACE", 0.3)
    script = f"""
    import os, signal, time
    signal.signal(signal.SIGTERM, lambda *_: open({str(tmp_path / "asked")!r}, "w"))
    os.write(1, b'{{"step": 1, "pid": %d}}\\n' % os.getpid())
    os.write(1, b'{{"step": 1, "validation/loss": NaN}}\\n')
    while True:
        time.sleep(1)
    """
    begin = time.monotonic()
    trial = attempt(python(script), expect=Diverged)
    assert 0.3 <= time.monotonic() - begin < 5
    assert (tmp_path / "asked").exists()
    _gone(int(trial.points[0][2]))


def test_row_67_standard_input_is_empty():
    script = """import sys; print('{"step": 1, "read": %d}' % len(sys.stdin.read()))"""
    assert attempt(python(script)).points == [("read", 1, 0.0)]


def test_row_68_what_cannot_be_started(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("train.sh").write_text("echo hello\n")
    Path("plain").write_text("echo hello\n")
    Path("plain").chmod(0o755)
    Path("strange").write_text("#!/no/such/thing -x\n")
    Path("strange").chmod(0o755)
    Path("folder").mkdir()
    for name, said in {
        "./trian.sh": f"found no program './trian.sh' in {tmp_path}; did you mean './train.sh'?",
        "train.sh": "found no program 'train.sh' on PATH; there is one in the study's folder: "
        "./train.sh",
        "no-such-program": "found no program 'no-such-program' on PATH",
        "./train.sh": "cannot start './train.sh': it is not executable; make it so "
        "(chmod +x ./train.sh) or name what runs it: [sh, …]",
        "./plain": "cannot start './plain': it is no program for this machine, and no script: its "
        "first line has no '#!'",
        "./strange": "cannot start './strange': what its first line names is not there: "
        "#!/no/such/thing -x",
        "./folder": "cannot start './folder': it is a folder; expected a program",
    }.items():
        assert str(attempt([name], expect=CommandError).error) == f"command: {said}"


def test_row_68_a_folder_that_is_gone(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    said = str(attempt(["sh"], expect=CommandError).error)
    assert said == "command: the study's folder is gone: No such file or directory"


# -- 69 and 70 ----------------------------------------------------------------------------------


def test_row_69_a_traceback_of_the_program_is_in_the_reason(capfd):
    trial = attempt(python("import no_such_module"), expect=CommandError)
    assert "No module named 'no_such_module'" in str(trial.error).splitlines()[0]
    assert "Traceback (most recent call last):" in str(trial.error)
    assert "no_such_module" in capfd.readouterr().err


def test_row_70_a_report_belongs_to_the_pipe_it_came_through():
    line = '{"trial": 7, "study": "other", "attempt": 2, "step": 1, "a": 1, "name": "x"}'
    assert rows(line).points == [("a", 1, 1.0)]
    assert rows('{"trial": "other/3", "a": 1}').points == [("a", 1, 1.0)]


def test_infeasible_with_a_reason():
    trial = rows('{"infeasible": "width 7 by 8 heads"}', code=1, expect=Infeasible)
    assert str(trial.error) == "width 7 by 8 heads"


def test_a_warning_reaches_the_person():
    assert rows('{"warning": "no GPU here"}').warnings == ["no GPU here"]


class Counting:
    """A sink that counts."""

    def __init__(self):
        self.count, self.last = 0, 0

    def name(self, index, name):
        pass

    def points(self, metrics, steps, values):
        self.count += len(steps)
        self.last = steps[-1]

    def message(self, message):
        raise AssertionError(message)


def _gone(pid):
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":  # killed; this machine's init takes its time
            return
        time.sleep(0.01)
    raise AssertionError(f"{pid} lives")
