"""Study files that are written: whatever they say is read again, exactly."""

from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.study.scaffold import WIDTH, comment, study_text
from labtui.study.yamltree import read_tree

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
SCALARS = st.one_of(
    TEXT,
    st.sampled_from(["no", "null", "1e-3", "0x1f", "~", "a: b", "a #b", "# a", "-", "{}", "a,b"]),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)


@settings(max_examples=60, deadline=None)
@given(SCALARS, SCALARS, TEXT)
def test_any_value_is_read_as_it_was(one, other, words):
    definitions = {"a/b-c.d": [{"role": "fixed", "value": one}], "x": [{"in": [other]}, {}]}
    fields = {"goal": other, "nested": {"of": [one, other]}, "none": None}
    written = study_text(fields, [(words, definitions)], above=[words], below=[words])
    found = read_tree(written, "f").root.plain()
    wanted = {
        **fields,
        "hyperparameters": {"a/b-c.d": definitions["a/b-c.d"][0], "x": definitions["x"]},
    }
    assert repr(found) == repr({name: value for name, value in wanted.items() if value is not None})


@given(TEXT)
def test_a_comment_stays_one(words):
    lines = comment(f"why {words}", "  ")
    assert all(line.startswith("  # ") and "\n" not in line for line in lines)
    assert all(len(line) <= WIDTH for line in lines)


def test_a_file_looks_like_those_that_people_write():
    groups = [
        ("Compared.", {"width": [{"role": "scientific", "values": [64, 128]}]}),
        ("None.", {}),
        (
            "Tuned.",
            {
                "lr": [
                    {"role": "nuisance", "range": [1e-5, 0.1], "when": {"o": "adam"}},
                    {"role": "nuisance", "range": [1e-3, 10], "when": {"o": "sgd"}},
                ],
                "weight_decay": [{"role": "fixed", "value": 0.0}],
            },
        ),
    ]
    fields = {"goal": "Wider (64, 128), or not?", "trainer": {"python": "train.py:train"}}
    assert study_text(fields, groups, above=["Made."]) == (
        "# Made.\n"
        "goal: Wider (64, 128), or not?\n"
        "trainer: {python: train.py:train}\n"
        "hyperparameters:\n"
        "  # Compared.\n"
        "  width: {role: scientific, values: [64, 128]}\n"
        "  # Tuned.\n"
        "  lr:\n"
        "    - {role: nuisance, range: [1e-5, 0.1], when: {o: adam}}\n"
        "    - {role: nuisance, range: [0.001, 10], when: {o: sgd}}\n"
        "  weight_decay: {role: fixed, value: 0.0}\n"
    )
