"""The catalogue of bad input: every row is refused in words, at its place, and nothing runs."""

import time
from pathlib import Path

import pytest

from labtui.study.errors import Problem, StudyError, printable
from labtui.study.spec import load_study, parse_study, slug
from tests.study.samples import DIGITS, study_text

RANGE = "lr: {role: nuisance, range: %s}"
BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

BAD_TEXT = {
    "3-empty": ("", "study.yaml:1:1: found an empty study"),
    "3-comments": ("# nothing\n\n# here\n", "see `labtui init`"),
    "4-tab": (
        "study: s\nbudget:\n\ttrials: 3\n",
        "study.yaml:3:1: budget: found a tab; expected spaces",
    ),
    "5-duplicate": (
        DIGITS + "seed: 2\n",
        "study.yaml:19:1: seed: found a second 'seed' (the first is on line 7)",
    ),
    "name-of-a-trial": (
        DIGITS.replace("study: digits-optimizer", "study: digits/17"),
        "study.yaml:1:8: study: found 'digits/17'; expected a name that does not end in '/' and a "
        "number, as those of trials do",
    ),
    "6-unknown": (
        DIGITS.replace("trials:", "trails:"),
        "study.yaml:6:10: budget.trails: found the unknown key 'trails'; expected one of trials, "
        "repetitions, max_train_steps, eval_every, hours, timeout, stack — did you mean 'trials'?",
    ),
    "7-tag": (
        "study: !!python/object/apply:os.system ['touch canary']",
        "study.yaml:1:8: study: found the tag 'tag:yaml.org,2002:python/object/apply:os.system'",
    ),
    "7-local-tag": ("study: !include canary", "YAML tags are not allowed"),
    "8-bomb": (BOMB, "more than 10000 values (aliases written out)"),
    "8-own-alias": ("a: &a [*a]", "study.yaml:1:8: a[0]: found the alias 'a' of nothing"),
    "9-large": ("#" * 1_000_001, "found 1000001 bytes; expected a study file of at most 1000000"),
    "12-documents": (DIGITS + "---\nstudy: t\n", "study.yaml:19:1: found a second document"),
    "13-list": ("- study", 'study.yaml:1:1: found ["study"]; expected a mapping'),
    "14-underscore": (
        DIGITS.replace("trials: 20", "trials: 1_000"),
        "study.yaml:6:18: budget.trials: found 1_000, which is a word here",
    ),
    "14-octal": (
        study_text("a: {role: fixed, value: 0o17}"),
        "8:27: hyperparameters.a.value: found 0o17, which is an octal number",
    ),
    "14-sexagesimal": (
        study_text("a: {role: fixed, value: 12:30}"),
        "found 12:30, which is a word",
    ),
    "14-no": (
        study_text("a: {role: nuisance, range: [1, 2], integer: no}"),
        "study.yaml:8:47: hyperparameters.a.integer: found 'no'; expected true or false",
    ),
    "15-zero": (
        DIGITS.replace("trials: 20", "trials: 0"),
        "6:18: budget.trials: found 0; expected at least 1",
    ),
    "15-negative": (DIGITS.replace("trials: 20", "trials: -1"), "found -1; expected at least 1"),
    "15-fraction": (
        DIGITS.replace("trials: 20", "trials: 1.5"),
        "found 1.5; expected a whole number",
    ),
    "15-word": (
        DIGITS.replace("trials: 20", "trials: ten"),
        "found 'ten'; expected a whole number",
    ),
    "15-true": (
        DIGITS.replace("trials: 20", "trials: true"),
        "found true; expected a whole number",
    ),
    "15-huge": (
        DIGITS.replace("trials: 20", "trials: 1e9"),
        "6:18: budget.trials: found 2000000000 trials in all; expected at most 100000, or `--yes`",
    ),
    "15-missing": (study_text(trials=""), "6:9: budget.trials: found nothing; expected the number"),
    "17-empty-name": (
        DIGITS.replace("digits-optimizer", "' '"),
        "1:8: study: found ' '; expected at least",
    ),
    "17-escape": ("study: \x1b]0;title\x07", "study.yaml:1:8: found the control character ␛"),
    "21-order": (
        study_text(RANGE % "[1, 0.1]"),
        "study.yaml:8:31: hyperparameters.lr.range: found [1, 0.1]; expected low < high",
    ),
    "21-equal": (study_text(RANGE % "[1, 1.0]"), "expected low < high"),
    "22-log": (
        study_text(RANGE % "[0, 1], scale: log"),
        "study.yaml:8:31: hyperparameters.lr.range: found [0, 1]; expected low > 0 on a log scale",
    ),
    "22-one-minus": (
        study_text(RANGE % "[0.5, 1], scale: log, one_minus: true"),
        "expected high < 1 on the log scale of 1 - x",
    ),
    "23-nan": (
        study_text(RANGE % "[.nan, 1]"),
        "8:32: hyperparameters.lr.range[0]: found NaN; expected a finite",
    ),
    "23-inf": (
        study_text(RANGE % "[1, 1e400]"),
        "range[1]: found Infinity; expected a finite number",
    ),
    "23-word": (study_text(RANGE % "[1, inf]"), "range[1]: found 'inf'; expected a number"),
    "23-value": (study_text("a: {role: fixed, value: .inf}"), "expected a finite number"),
    "24-zero": (
        study_text(RANGE % "[0, 1], step: 0"),
        "8:45: hyperparameters.lr.step: found 0; expected a step",
    ),
    "24-negative": (study_text(RANGE % "[0, 1], step: -0.1"), "a step above 0 and at most 1"),
    "24-large": (
        study_text(RANGE % "[0, 1], step: 2"),
        "found 2; expected a step above 0 and at most 1",
    ),
    "25-integer": (
        study_text(RANGE % "[1.5, 4], integer: true"),
        "hyperparameters.lr.range: found [1.5, 4]; expected whole numbers",
    ),
    "26-empty": (
        study_text("a: {role: nuisance, values: []}"),
        "8:31: hyperparameters.a.values: found []; expected at least one value",
    ),
    "27-twice": (
        study_text("a: {role: nuisance, values: [x, y, x]}"),
        "8:38: hyperparameters.a.values[2]: found 'x'; expected every value once",
    ),
    "27-alike": (
        study_text("a: {role: nuisance, values: [1, 1.0]}"),
        "found 1.0; expected every value once",
    ),
    "27-written-alike": (
        study_text("a: {role: nuisance, values: [1, '1']}"),
        "expected every value once",
    ),
    "27-list": (
        study_text("a: {role: nuisance, values: [[64, 64], {b: 1}]}"),
        "values[0]: found [64, 64]; expected text, a number, true or false (write a list in quotes",
    ),
    "28-product": (
        study_text(
            "{a: &d {role: scientific, range: [1, 1000], integer: true}, b: *d, c: *d, d: *d}",
            trials="",
            extra="design: configurations\n",
        ),
        "found 1000000000000 combinations of scientific values; expected at most 10000",
    ),
    "28-one-large": (
        study_text("a: {role: scientific, range: [1, 1e15], integer: true}"),
        "found 1000000000000000 combinations",
    ),
    "29-continuous": (
        study_text(
            "a: {role: scientific, range: [0, 1]}", trials="", extra="design: configurations"
        ),
        "8:32: hyperparameters.a.range: found [0, 1]; expected 'values', 'step' or 'integer'",
    ),
    "29-separate": (study_text("a: {role: scientific, range: [0, 1]}"), "in 'design: separate'"),
    "30-unknown": (
        DIGITS.replace("when: {optimizer: adam}}\n  weight", "when: {optimiser: adam}}\n  weight"),
        "study.yaml:14:92: hyperparameters.beta1.when.optimiser: found an unknown parent; "
        "expected a hyperparameter of this study — did you mean 'optimizer'?",
    ),
    "30-value": (
        DIGITS.replace("when: {optimizer: adam}}\n  weight", "when: {optimizer: adma}}\n  weight"),
        "found adma; expected a value of 'optimizer' — did you mean 'adam'?",
    ),
    "30-cycle": (
        study_text(
            "{a: {role: nuisance, values: [1, 2], when: {b: 1}}, "
            "b: {role: nuisance, values: [1, 2], when: {a: 1}}}"
        ),
        "hyperparameters.a: found the circle a → b → a",
    ),
    "30-itself": (study_text("a: {role: nuisance, values: [1, 2], when: {a: 1}}"), "circle a → a"),
    "30-continuous": (
        study_text(
            "{a: {role: nuisance, range: [0, 1]}, b: {role: fixed, value: 1, when: {a: 0.5}}}"
        ),
        "expected a parent with separate values, not a continuous range",
    ),
    "30-overlap": (
        study_text(
            "{o: {role: scientific, values: [x, y, z]}, lr: ["
            "{role: fixed, value: 1, when: {o: [x, y]}}, "
            "{role: fixed, value: 2, when: {o: [y, z]}}]}"
        ),
        "hyperparameters.lr[1]: found a definition that holds together with definition 1; expected "
        "conditions that exclude each other (both hold for o=y)",
    ),
    "30-dead": (
        study_text(
            "{o: {role: scientific, values: [x, y]}, n: {role: fixed, value: 1, when: {o: x}}, "
            "m: {role: fixed, value: 1, when: {o: y, n: 1}}}"
        ),
        "expected conditions that can hold together",
    ),
    "23-not-a-float": (
        study_text(RANGE % f"[1, 1{'0' * 400}]"),
        "range[1]: found a number of 1329",
    ),
    "30-empty": (
        study_text("{a: {role: fixed, value: 1}, b: {role: fixed, value: 1, when: {a: []}}}"),
        "8:69: hyperparameters.b.when.a: found []; expected at least one value",
    ),
    "30-not-a-value": (
        study_text("{a: {role: fixed, value: 1}, b: {role: fixed, value: 1, when: {a: [[1]]}}}"),
        "8:70: hyperparameters.b.when.a[0]: found [1]; expected text, a number, true or false",
    ),
    "30-too-many": (
        study_text(
            "{a: {role: fixed, value: 1}, "
            + "".join(
                f"h{i}: {{role: nuisance, values: [1, 2], when: {{a: 1}}}}, " for i in range(20)
            )
            + "z: {role: fixed, value: 1, when: {"
            + ", ".join(f"h{i}: 1" for i in range(20))
            + "}}}"
        ),
        "hyperparameters.z: found conditions with more than 100000 cases",
    ),
    "31-reserved": (
        study_text("seed: {role: fixed, value: 1}"),
        "study.yaml:8:3: hyperparameters.seed: found the reserved name 'seed'",
    ),
    "31-group": (
        study_text("{a: {role: fixed, value: 1}, a.b: {role: fixed, value: 1}}"),
        "8:32: hyperparameters.a.b: found 'a.b' beside 'a'",
    ),
    "31-odd-name": (
        study_text("-rf: {role: fixed, value: 1}"),
        "found the name '-rf'; expected a name of",
    ),
    "34-goal": (
        DIGITS.replace("goal: minimize", "goal: minimise"),
        "5:50: objective.goal: found 'minimise'; expected 'minimize' or 'maximize' — "
        "did you mean 'minimize'?",
    ),
    "34-design": (DIGITS + "design: random\n", "expected 'separate', 'joint' or 'configurations'"),
    "36-pruning": (DIGITS + "pruning: median\n", "19:1: pruning: found the unknown key 'pruning'"),
    "37-negative": (
        DIGITS.replace("seed: 1", "seed: -1"),
        "7:7: seed: found -1; expected at least 0",
    ),
    "37-large": (
        DIGITS.replace("seed: 1", "seed: 18446744073709551616"),
        "found 18446744073709551616; expected below 18446744073709551616",
    ),
    "37-word": (DIGITS.replace("seed: 1", "seed: abc"), "found 'abc'; expected a whole number"),
    "P11-steps": (
        study_text("max_train_steps: {role: nuisance, range: [100, 1000]}"),
        "8:3: hyperparameters.max_train_steps: found the number of steps as a hyperparameter",
    ),
    "P11-epochs": (study_text("epochs: {role: nuisance, range: [1, 9]}"), "never tuned"),
    "role-missing": (
        study_text("a: {range: [0, 1]}"),
        "8:6: hyperparameters.a.role: found nothing; expected 'role' (scientific (compared)",
    ),
    "not-a-mapping": (
        study_text("a: 0.1"),
        "8:6: hyperparameters.a: found 0.1; expected a mapping",
    ),
    "fixed-range": (study_text("a: {role: fixed, range: [0, 1]}"), "'value' alone for a fixed"),
    "fixed-nothing": (study_text("a: {role: fixed}"), "a.value: found nothing; expected 'value'"),
    "nuisance-value": (
        study_text("a: {role: nuisance, value: 1}"),
        "'values' or 'range' for a nuisance",
    ),
    "nuisance-nothing": (study_text("a: {role: nuisance}"), "found neither; expected either"),
    "pair": (
        study_text(RANGE % "[1]"),
        "8:31: hyperparameters.lr.range: found [1]; expected a pair",
    ),
    "triple": (study_text(RANGE % "[1, 2, 3]"), "found [1, 2, 3]; expected a pair [low, high]"),
    "log-step": (
        study_text(RANGE % "[1, 2], scale: log, step: 0.1"),
        "a step only on a linear scale",
    ),
    "no-definition": (study_text("lr: []"), "hyperparameters.lr: found []; expected at least 1"),
    "trainer": (
        DIGITS.replace("trainer: torch", "trainer: {pyton: a}"),
        '4:10: trainer: found {"pyton": "a"}',
    ),
    "argument": (
        DIGITS.replace("trainer: torch", "trainer: {command: [a, [b]]}"),
        "arguments that are text",
    ),
    "nul-escape": ('study: "a\\0b"', "study.yaml:1:8: study: found the character U+0000"),
    "surrogate": ('study: "\\ud800"', "found the character U+D800"),
    "deep": ("a: " + "[" * 100, "more than 50 levels"),
    "long-number": ("a: " + "9" * 5000, "a number of 5000 digits"),
    "key": ("[a, b]: 1", "found a key that is not plain text"),
    "broken": ("study: [a", "found broken YAML"),
    "scientific-below-nuisance": (
        study_text(
            "{a: {role: nuisance, values: [1, 2]}, "
            "b: {role: scientific, values: [1, 2], when: {a: 1}}}"
        ),
        "found the nuisance 'a'; expected a condition on scientific or fixed hyperparameters",
    ),
    "configurations-elsewhere": (
        study_text(extra="configurations: [{a: 1}]\n"),
        "9:1: configurations:",
    ),
    "configurations-twice": (
        study_text(trials="", extra="design: configurations\nconfigurations: [{a: 1}, {a: 1}]\n"),
        "10:26: configurations[1]: found configuration 1 again",
    ),
    "configurations-none": (
        study_text(trials="", extra="design: configurations\nconfigurations: []\n"),
        "expected at least one configuration",
    ),
    "configurations-trials": (
        study_text(extra="design: configurations\nconfigurations: [{a: 1}]\n"),
        "budget.trials: found 4; expected 1, the number of configurations",
    ),
    "configurations-value": (
        study_text(
            "o: {role: scientific, values: [adam, sgd]}",
            trials="",
            extra="design: configurations\nconfigurations: [{o: adm}]\n",
        ),
        "configurations[0].o: found 'adm'; expected a value of 'hyperparameters.o' — "
        "did you mean 'adam'?",
    ),
    "configurations-nuisance": (
        study_text("a: {role: nuisance, range: [0, 1]}", trials="", extra="design: configurations"),
        "8:13: hyperparameters.a.role: found 'nuisance'",
    ),
    "configurations-inactive": (
        study_text(
            "{o: {role: scientific, values: [x, y]}, "
            "m: {role: scientific, values: [1], when: {o: x}}}",
            trials="",
            extra="design: configurations\nconfigurations: [{o: y, m: 1}]\n",
        ),
        "found 'm', which does not exist under these values",
    ),
    "stack": (
        DIGITS.replace("eval_every: 25", "eval_every: 25, stack: maybe"),
        "budget.stack: found 'maybe'; expected 'auto', 'off' or a whole number of at least 1",
    ),
    "values-step": (
        study_text("a: {role: nuisance, values: [1], step: 1}"),
        "expected 'step', 'integer' and 'one_minus' only beside 'range'",
    ),
    "one-minus-integer": (
        study_text(RANGE % "[1, 2], one_minus: true, integer: true"),
        "expected 'one_minus' without 'integer'",
    ),
    "integer-step": (
        study_text(RANGE % "[1, 9], step: 0.5, integer: true"),
        "lr.step: found 0.5; expected a whole step",
    ),
    "hyperparameters": (
        study_text(trials="", extra="design: configurations\nconfigurations: [{a: 1}]\n").replace(
            "  {}", "  3"
        ),
        "8:3: hyperparameters: found 3; expected a mapping",
    ),
    "configurations-condition": (
        study_text(
            "{o: {role: scientific, values: [x, y]}, m: ["
            "{role: scientific, values: [1], when: {o: x}}, "
            "{role: scientific, values: [2], when: {o: y}}]}",
            trials="",
            extra="design: configurations\nconfigurations: [{o: y, m: 1}]\n",
        ),
        "configurations[0].m: found 1; expected a value that 'm' has under this configuration",
    ),
    "devices": (
        study_text(extra="gpus_per_trial: 2\ntrials_per_gpu: 2\n"),
        "10:17: trials_per_gpu: found 2",
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD_TEXT.values(), ids=BAD_TEXT)
def test_bad_text_is_refused(text, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError) as caught:
        parse_study(text)
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_path_with_nul_is_refused():
    with pytest.raises(StudyError, match="NUL"):
        load_study(Path("a\0b"))


def test_30_long_chains_of_conditions_are_judged_quickly():
    links = (
        f"h{i:03}: {{role: nuisance, values: [1, 2], when: {{h{i - 1:03}: 1}}}}"
        for i in range(1, 400)
    )
    start = time.process_time()
    with pytest.raises(StudyError, match="more than 100000 cases"):
        parse_study(study_text(f"{{h000: {{role: nuisance, values: [1, 2]}}, {', '.join(links)}}}"))
    assert time.process_time() - start < 10


def test_30_many_parents_that_always_exist_are_fine():
    parents = ", ".join(f"h{i}: {{role: nuisance, values: [1, 2]}}" for i in range(40))
    when = ", ".join(f"h{i}: 1" for i in range(40))
    text = f"{{{parents}, z: {{role: nuisance, range: [0, 1], when: {{{when}}}}}}}"
    assert len(parse_study(study_text(text)).hyperparameters) == 41


def test_10_byte_order_mark_is_accepted():
    assert parse_study(b"\xef\xbb\xbf" + DIGITS.encode()) == parse_study(DIGITS)


def test_15_unusual_size_passes_with_yes():
    text = DIGITS.replace("trials: 20", "trials: 1e9")
    assert parse_study(text, yes=True).budget.trials == 10**9


NAMES = [
    "../../etc/x",
    "C:\\x",
    "CON",
    "nul.txt",
    "n" * 300,
    ".",
    "..",
    "🧪",
    "\x1b]0;t",
    "Ü",
    "-rf",
]


@pytest.mark.parametrize("name", NAMES)
def test_17_odd_names_are_stored_and_slugged(name):
    import json

    study = parse_study(study_text().replace("study: s", f"study: {json.dumps(name)}"))
    assert study.study == name
    file = slug(name)
    assert file.isascii()
    assert len(file) <= 60
    assert not set(file) & set("/\\:\x1b ")
    assert file[0] not in ".-"
    assert file.lower().split(".")[0] not in {"con", "nul"}


def test_17_slugs_differ_and_plain_names_stay():
    assert len({slug(name) for name in [*NAMES, "ü", "nul", "c-x"]}) == len(NAMES) + 3
    assert slug("digits-optimizer") == "digits-optimizer"


@pytest.mark.parametrize("value", ["$(rm -rf ~)", "; ls", "-rf", "a\nb", "x" * 500_000])
def test_32_text_is_kept_as_it_is(value):
    import json

    study = parse_study(study_text(f"a: {{role: fixed, value: {json.dumps(value)}}}"))
    assert study.hyperparameters["a"][0].value == value


def test_33_large_whole_numbers_stay_exact():
    study = parse_study(study_text(f"a: {{role: fixed, value: {2**70}}}"))
    assert study.to_json()["hyperparameters"]["a"][0]["value"] == 2**70


def test_several_problems_are_told_at_once_in_order_of_lines():
    text = DIGITS.replace("goal: minimize", "goal: less").replace("trials: 20", "trials: 0")
    with pytest.raises(StudyError) as caught:
        parse_study(text + "colour: red\ncolour: blue\n")
    assert [problem.line for problem in caught.value.problems] == [5, 6, 19, 20]
    assert len(str(caught.value).splitlines()) == 4


def test_a_missing_field_is_told_beside_others_of_its_mapping():
    with pytest.raises(StudyError) as caught:
        parse_study("study: s\n")
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["goal", "workload", "trainer", "objective", "budget"]


def test_messages_show_control_characters_and_stay_short():
    with pytest.raises(StudyError) as caught:
        parse_study(study_text('"\\e]0;x\\u202e": 1', extra='device: ["' + "y" * 500 + '"]\n'))
    text = str(caught.value)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "␛]0;x\\u202e" in text
    assert max(map(len, text.splitlines())) < 400


def test_printable_and_problem_without_place():
    assert printable("a\tb\x7f\u2066é") == "a␉b␡\\u2066é"
    assert printable("abcdef", 4) == "abc…"
    assert printable("\U000e0001") == "\\U000e0001"
    problem = Problem("x\x1b.yaml", None, None, "", "no such file", "")
    assert str(problem) == "x␛.yaml: no such file"
