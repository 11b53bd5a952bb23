"""`labtui compare`: trials or studies beside each other."""

import json

import pytest

ONE, TWO = "digits-optimizer", "second"


def test_it_prints_what_differs_below_what_may_be_concluded(labtui):
    found = labtui("compare", f"{ONE}/3", f"{ONE}/6")
    assert found.code == 0
    first, *lines = found.out.splitlines()
    assert first.startswith("? #")
    assert "cannot judge, no reruns: `labtui rerun digits-optimizer/" in first
    assert next(line for line in lines if "parameters" in line).split() == [
        "parameters",
        "#3",
        "#6",
    ]
    assert any(line.startswith("≠  learning_rate") for line in lines)
    assert not any("batch_size" in line for line in lines)
    assert "and 1 that are the same (--all shows them)" in found.out
    every = labtui("compare", f"{ONE}/3", f"{ONE}/6", "--all").out
    assert "   batch_size" in every


def test_studies_say_their_answers_in_full(labtui):
    out = labtui("compare", ONE, TWO).out
    assert out.startswith(("○ The best of ", "✓ The best of ", "? The best of "))
    assert "▲ So far: 5 of 8 trials of second ended" in out
    assert "digits-optimizer: In this sample " in out
    assert "validation-too-small" in out
    assert "search space: the same in both (--all shows them)" in out


def test_json_has_all_of_it(labtui):
    document = json.loads(labtui("compare", ONE, f"{TWO}/1", "--json").out)
    assert document["compared"] == "trials"
    assert document["names"][1] == f"{TWO}/1"
    assert {"text", "supported", "command", "numbers"} == document["conclusions"][0].keys()
    sections = {one["name"]: one["rows"] for one in document["sections"]}
    assert set(sections) == {"parameters", "outcome"}
    assert {row["name"]: row["differs"] for row in sections["parameters"]}["batch_size"] is False
    assert "stands for its best trial" in document["notes"][0]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("curves", ("validation/error_rate", "grad_norm")),
        ("isolation", ("weight_decay: validation/error_rate (best over training)", "n=18")),
    ],
)
def test_figures_are_drawn(labtui, kind, words):
    found = labtui("compare", ONE, TWO, "--plot", kind)
    assert found.code == 0
    for word in words:
        assert word in found.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((ONE,), "1 named: expected 2 to 8 studies, or trials (STUDY/17)"),
        ((ONE, ONE), "is named twice"),
        ((ONE, "secnd"), "did you mean 'second'"),
        ((ONE, f"{TWO}/99"), "a trial is named STUDY/NUMBER"),
        ((ONE, TWO, "--plot", "axis"), "expected curves or isolation"),
        ((ONE, TWO, "--plot", "curves", "--json"), "without --json"),
        ((f"{ONE}/3", f"{ONE}/6", "--plot", "isolation"), "isolation plots compare studies"),
    ],
)
def test_what_cannot_be_done_says_what_was_expected(labtui, arguments, words):
    found = labtui("compare", *arguments)
    assert (found.code, found.out) == (2, "")
    assert words in found.err


def test_where_only_ascii_is_shown_there_is_no_other_sign(process):
    found = process("compare", ONE, TWO, env={"PYTHONIOENCODING": "ascii"})
    assert found.returncode == 0, found.stderr
    assert found.stdout.isascii()
    assert "! They are the best of" in found.stdout
    assert "#  state" in found.stdout
