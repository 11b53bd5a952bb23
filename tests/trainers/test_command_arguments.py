"""What a program gets to know: arguments, variables, files; values byte for byte (S2)."""

from __future__ import annotations

import json
import os
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labtui_command.errors import CommandError
from tests.support.commands import attempt, python, shell

TELL = """
import json, os, sys
names = json.load(open(os.environ["LABTUI_PARAMS"]))
variables = {k: v for k, v in os.environb.items() if k.startswith(b"LABTUI_")}
print(json.dumps({"log": [
    [os.fsencode(a).hex() for a in sys.argv[1:]],
    {k.decode(): v.hex() for k, v in variables.items()},
    names,
]}))
"""

# Whatever a shell, a terminal or a naive splitter would do something with.
PAYLOADS = [
    "; ls", "$(rm -rf ~)", "`id`", "$HOME", "${IFS}", "a b", " a", "a ", "", "\t", "\n", "a\nb",
    "\r\n", "-rf", "--help", "-", "--", "-1", "*", "?", "[a-z]", "~", "~root", "!", "!!", "#x",
    "a;b", "a&b", "a|b", "a>b", "a<b", "a&&b", "a||b", "'", '"', "''", '""', "\\", "\\n",
    "\\\\", 'a\'b"c', "%s", "%(x)s", "{}", "{lr}", "{{", "}}", "{{lr}}", "{seed}", "{", "}",
    "$", "$$", "$1", "$@", "$(", "`", "\x01", "\x1b[31m", "\x1b]0;title\x07", "\x7f", "\x08",
    "\x0b\x0c", "\xe9", "\u65e5\u672c\u8a9e", "\U0001f642", "\u202e", "\u200b", "\ufeff", "a=b",
    "=", "a,b", "a:b", "/etc/passwd", "../../x", "C:\\x", "nul", "true", "NaN", "1e-3", "0x10",
    "1_000", "@file", "-o/tmp/x", "--lr=1", "x" * 5000, "(", ")", "a(b)c", "<()", "\udce9",
    "\x80", "\xff", "", "^", "a^b", "%PATH%", "&", "|", ">", "<", ">>", "2>&1",
]  # fmt: skip
PAYLOADS += [f"-{payload} {payload}" for payload in PAYLOADS]


def told(argv, params=None, **options):
    """Give what the program saw: arguments, variables, the file of hyperparameters."""

    said = []

    def listen(trial):
        trial.log = lambda step, metrics: None
        trial.warn = said.append  # as it came: a warning that is kept has an end

    attempt([sys.executable, "-c", _program(), *argv], params, prepare=listen, **options)
    arguments, variables, names = json.loads(said[0])
    decoded = [os.fsdecode(bytes.fromhex(a)) for a in arguments]
    return decoded, {k: os.fsdecode(bytes.fromhex(v)) for k, v in variables.items()}, names


def _program():
    told = TELL.replace('{"log": [', '{"warning": json.dumps([').replace("]}))", "])}))")
    return told.replace("{", "{{").replace("}", "}}")


def test_every_payload_arrives_byte_for_byte():
    assert len(PAYLOADS) >= 200
    params = {f"p{n}": value for n, value in enumerate(PAYLOADS)}
    argv = [f"--p={{{name}}}" for name in params] + ["{p0}"]
    arguments, variables, names = told(argv, params)
    assert arguments == [f"--p={value}" for value in PAYLOADS] + [PAYLOADS[0]]
    assert [variables[f"LABTUI_P_P{n}"] for n in range(len(PAYLOADS))] == PAYLOADS
    assert names == params


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=9)
)
def test_any_text_arrives_byte_for_byte(values):
    params = {f"v{n}": value for n, value in enumerate(values)}
    arguments, _, names = told([f"{{{name}}}" for name in params], params)
    assert arguments == values
    assert names == params


def test_numbers_truth_and_nothing_as_programs_read_them():
    params = {
        "rate": 1e-5,
        "third": 1 / 3,
        "one": 1.0,
        "n": 3,
        "big": 2**70,
        "yes": True,
        "no": None,
    }
    arguments, variables, names = told([f"{{{name}}}" for name in params], params)
    expected = ["1e-05", repr(1 / 3), "1.0", "3", str(2**70), "true", "null"]
    assert arguments == expected
    assert [variables[f"LABTUI_P_{name.upper()}"] for name in params] == expected
    assert names == params


def test_all_placeholders_and_variables():
    own = "{seed} {max_steps} {eval_every} {start_step} {name} {device}"
    own += " {checkpoint_dir} {params_file}"
    arguments, variables, _ = told(
        [own, "[{resume_path}]", "{resume_path?}", "--beta={beta2?}", "{{{a.b}}}", "{{x}}"],
        {"a.b": 1},
        seed=7,
        max_steps=60,
        eval_every=5,
        name="study/3",
    )
    folder, params = variables["LABTUI_CHECKPOINT_DIR"], variables["LABTUI_PARAMS"]
    assert arguments == [f"7 60 5 0 study/3 cpu {folder} {params}", "[]", "{1}", "{x}"]
    assert variables.keys() == {
        "LABTUI_P_A_B", "LABTUI_PARAMS", "LABTUI_TRIAL", "LABTUI_SEED", "LABTUI_MAX_STEPS",
        "LABTUI_EVAL_EVERY", "LABTUI_START_STEP", "LABTUI_CHECKPOINT_DIR", "LABTUI_STOP_FILE",
        "LABTUI_DEVICE",
    }  # fmt: skip
    assert variables["LABTUI_SEED"] == "7"
    assert (variables["LABTUI_MAX_STEPS"], variables["LABTUI_EVAL_EVERY"]) == ("60", "5")
    assert (variables["LABTUI_START_STEP"], variables["LABTUI_DEVICE"]) == ("0", "cpu")


def test_a_resumed_trial_says_where_from(tmp_path):
    (tmp_path / "state").write_text("x")
    options = {"start_step": 30, "resume_path": str(tmp_path / "state")}
    arguments, variables, _ = told(["{start_step}", "--from={resume_path?}"], **options)
    assert arguments == ["30", f"--from={tmp_path / 'state'}"]
    assert variables["LABTUI_RESUME_PATH"] == str(tmp_path / "state")
    assert variables["LABTUI_START_STEP"] == "30"


def test_only_the_sdk_is_made_importable(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # and not where labtui happens to be
    script = """
    import json, os, sys
    folder = sys.argv[1]
    first = os.environ["PYTHONPATH"].split(os.pathsep)[0]
    import labtui
    found = [os.listdir(first), labtui.__file__.startswith(first)]
    print(json.dumps({"warning": json.dumps(found)}))
    """
    trial = attempt([*python(script), "x"])
    assert json.loads(trial.warnings[0]) == [["labtui"], True]


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        (
            "--lr={learning_rte}",
            "command: argument '--lr={learning_rte}' asks for {learning_rte}, which this trial "
            "does not have; it has checkpoint_dir, device, eval_every, learning_rate, max_steps, "
            "name, params_file, resume_path, seed, start_step; did you mean 'learning_rate'? "
            "(write {{ and }} for braces, {name?} to leave the argument out where there is no such "
            "hyperparameter)",
        ),
        (
            "{ print",
            "command: argument '{ print' has a lone '{'; write it twice, '{{', where no "
            "placeholder is meant",
        ),
        (
            "a}",
            "command: argument 'a}' has a lone '}'; write it twice, '}}', where no placeholder is "
            "meant",
        ),
    ],
)
def test_a_wrong_placeholder_names_the_nearest(argument, said):
    error = attempt(["sh", argument], {"learning_rate": 0.1}, expect=CommandError).error
    assert str(error) == said


@pytest.mark.parametrize("argv", [["sh", "{x}"], ["sh"]])
def test_a_nul_is_refused(argv):
    said = str(attempt(argv, {"x": "a\0b"}, expect=CommandError).error)
    assert said.endswith(
        "found a NUL character, which no argument and no variable can hold; remove it from the "
        "value"
    )


def test_a_megabyte_goes_by_the_file():
    value = "x" * 1_000_000
    arguments, variables, names = told(["a"], {"text": value})
    assert (arguments, names) == (["a"], {"text": value})
    assert "LABTUI_P_TEXT" not in variables
    said = str(attempt(["sh", "{text}"], {"text": value}, expect=CommandError).error)
    assert said == (
        f"command: the argument {'x' * 40!r}: found 1,000,000 bytes; an argument can hold 100,000: "
        "let the program read the value from the JSON file {params_file} (LABTUI_PARAMS)"
    )


def test_too_much_together():
    argv = ["sh", *["{text}"] * 60]
    said = str(attempt(argv, {"text": "x" * 90_000}, expect=CommandError).error)
    assert said == (
        "command: cannot start 'sh': its arguments and variables are too long together; expected "
        "fewer bytes"
    )


def test_two_hyperparameters_of_one_variable():
    said = str(attempt(["sh"], {"a.b": 1, "a-b": 2}, expect=CommandError).error)
    assert said == (
        "hyperparameters 'a.b' and 'a-b': both would be the variable LABTUI_P_A_B; rename one"
    )


def test_a_hyperparameter_with_the_name_of_a_placeholder():
    said = str(attempt(["sh", "{device}"], {"device": "x"}, expect=CommandError).error)
    assert said == (
        "command: {device} means two things, a hyperparameter and labtui's own; rename the "
        "hyperparameter"
    )
    assert attempt(shell("exit 0"), {"device": "x"}).points == []


def test_nothing_to_run():
    said = "command: found nothing to run; expected [program, argument, …]"
    assert str(attempt(["{x?}"], expect=CommandError).error) == said
    assert str(attempt([""], expect=CommandError).error) == said
