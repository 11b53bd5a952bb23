import pytest

from labtui.store.lab import Lab
from labtui.tui.feeds import StudyFeed
from labtui.tui.filters import BadFilter
from labtui.tui.reader import Pulse
from labtui.tui.trial_columns import Known, language, read_metric
from labtui.verdicts.remarks import Subject, change_tags
from tests.support.labs import make_lab

NAME = "digits-optimizer"
METRIC = "validation/loss"


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    paths = make_lab(tmp_path_factory.mktemp("lab"), ended=30)
    change_tags(paths, Subject(f"{NAME}/3", "trial"), ["keep"], [])
    with Lab(paths) as lab:
        return StudyFeed(NAME).read(lab, Pulse(1, 1, None)), read_metric(
            lab, NAME, METRIC, "minimize"
        )


def kept(view, text):
    found, losses = view
    known = Known(
        found.trial_tags, [METRIC], {METRIC: "minimize"}, {METRIC: losses}, {found.trials[5].id}
    )
    speech, more = language(found, known)
    keep = speech.parse(text, more)
    return [t.number for t in found.trials if keep(t)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", lambda t: True),
        ("state:infeasible", lambda t: t.state == "infeasible"),
        ("state:inf arm:adam", lambda t: t.state == "infeasible" and "adam" in t.arm),
        ("lr<1e-3", lambda t: t.params["learning_rate"] < 1e-3),
        ("learning>=0.1", lambda t: t.params["learning_rate"] >= 0.1),
        ("opt=adam", lambda t: t.params["optimizer"] == "adam"),
        ("opt!=adam", lambda t: t.params["optimizer"] != "adam"),
        ("-opt:adam -queued", lambda t: "adam" not in t.arm and t.state != "queued"),
        ("batch_size=64", lambda t: True),
        ("best<0.03", lambda t: t.best_value is not None and t.best_value < 0.03),
        ("ADAM", lambda t: "adam" in t.arm),
        ("number:7", lambda t: t.number == 7),
        ("seed:1003", lambda t: t.seed == 1003),
        ("seconds>0.1", lambda t: t.seconds > 0.1),
        ("tag:keep", lambda t: t.number == 3),
        ("marked:yes", lambda t: t.number == 5),
        ("point:4", lambda t: t.point == 4),
    ],
)
def test_terms_narrow_the_table(view, text, expected):
    wanted = [t.number for t in view[0].trials if expected(t)]
    assert kept(view, text) == wanted
    assert wanted


def test_metrics_are_asked_for_by_their_best_or_last_value(view):
    found, losses = view
    limit = sorted(best for best, _ in losses.values())[5]
    below = [t.number for t in found.trials if losses.get(t.id, (9.0, 0))[0] < limit]
    assert kept(view, f"best/validation/loss<{limit}") == below
    assert len(below) == 5
    assert len(kept(view, "last/validation/loss<99")) < len(losses)  # some diverged


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour:red", "no field 'colour'; there are arm, number"),
        ("lr<", "found '' in 'lr<'; expected a number"),
        ("validation/loss<1", "more than one field 'validation/loss': best/validation/loss, last"),
    ],
)
def test_a_term_that_cannot_be_understood_says_what_can(view, text, said):
    with pytest.raises(BadFilter, match=said):
        kept(view, text)


def test_what_a_line_asks_for_is_known_by_its_full_name(view):
    speech, more = language(view[0], Known())
    assert speech.asked("lr<1 -state:failed adam", more) == {"learning_rate", "state"}
