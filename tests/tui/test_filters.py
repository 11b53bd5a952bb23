import pytest

from labtui.store.lab import Lab
from labtui.tui.filters import BadFilter, parse
from tests.support.labs import make_lab

PARAMETERS = ["optimizer", "learning_rate", "learning_rate", "weight_decay", "batch_size"]


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    with Lab(make_lab(tmp_path_factory.mktemp("lab"), ended=30)) as lab:
        return lab.trials("digits-optimizer")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", lambda t: True),
        ("state:infeasible", lambda t: t.state == "infeasible"),
        ("state:inf arm:adam", lambda t: t.state == "infeasible" and "adam" in t.arm),
        ("lr<1e-3", lambda t: t.params["learning_rate"] < 1e-3),
        ("learning>=0.1", lambda t: t.params["learning_rate"] >= 0.1),
        ("opt=adam", lambda t: t.params["optimizer"] == "adam"),
        ("batch_size=64", lambda t: True),
        ("best<0.03", lambda t: t.best_value is not None and t.best_value < 0.03),
        ("ADAM", lambda t: "adam" in t.arm),
        ("number:7", lambda t: t.number == 7),
    ],
)
def test_terms_narrow_the_table(trials, text, expected):
    keep = parse(text, PARAMETERS)
    assert [t.number for t in trials if keep(t)] == [t.number for t in trials if expected(t)]


@pytest.mark.parametrize(("text", "said"), [("colour:red", "no field 'colour'"), ("lr<", "number")])
def test_a_term_that_cannot_be_understood_says_what_can(text, said):
    with pytest.raises(BadFilter, match=said):
        parse(text, PARAMETERS)
