import pytest

from labtui.store.lab import Lab
from labtui.tui.filters import BadFilter
from labtui.tui.lab.feed import STUDIES, LabFeed, StudyRow
from labtui.tui.reader import Pulse
from tests.support.labs import make_lab
from tests.tui.driving import running


def read(feed, paths):
    with Lab(paths) as lab:
        return feed.read(lab, Pulse(1, lab.revision(), None))


def test_the_course_of_the_best_is_the_same_in_parts_and_at_once(tmp_path):
    paths = make_lab(tmp_path, points=2)
    feed, parts = LabFeed(), []
    with running(tmp_path) as run:
        for number, value in enumerate((0.5, 0.7, 0.3)):
            run.start(number, value)
            run.end(number)
            parts.append({row.name: row.course for row in read(feed, paths).rows})
        run.start(3, 0.1)
        run.end(3, "infeasible")
        now = {row.name: row.course for row in read(feed, paths).rows}
    assert parts[0]["live"].bests == ((0, 0.5),)
    assert now["live"].bests == ((0, 0.5), (2, 0.3))
    assert now == {row.name: row.course for row in read(LabFeed(), paths).rows}
    for name, course in now.items():
        with Lab(paths) as lab:
            assert course.best(course.completed) == lab.study(name).best_value


def test_the_queue_gives_studies_their_places(tmp_path):
    make_lab(tmp_path, points=2)
    with running(tmp_path) as run:
        view = read(LabFeed(), run.writer.paths)
        assert view.queue == ("live",)
        assert {row.name: row.place for row in view.rows} == {"live": 0, "digits-optimizer": None}
        assert view.waiting == 10


@pytest.fixture(scope="module")
def row(tmp_path_factory):
    paths = make_lab(tmp_path_factory.mktemp("lab"), points=10)
    (found,) = read(LabFeed(), paths).rows
    told = {"verdict": "2 alerts, 1 warning, 3 notes: search-boundary", "retrain_deviation": 0.01}
    return StudyRow(
        found.study, ("keep", "paper"), 2, found.course, None, {**told, "answer": "Yes."}, True
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", True),
        ("state:completed workload:digits", True),
        ("tag:keep", True),
        ("tag:slow", False),
        ("#pap", True),
        ("best<0.5 best>0", True),
        ("alerts>1 warnings=1 notes=2", True),
        ("alerts>2", False),
        ("work:digits", True),
        ("spread<0.02", True),
        ("infeasible>0.9", False),
        ("ADAM lower", True),
        ("running", False),
    ],
)
def test_the_filter_of_studies(row, text, kept):
    assert STUDIES.parse(text)(row) is kept


def test_what_is_not_judged_yet_has_no_alerts_to_compare(row):
    fresh = StudyRow(row.study)
    assert fresh.alerts is None
    assert not STUDIES.parse("alerts<1")(fresh)


def test_an_unknown_field_names_those_that_there_are(row):
    with pytest.raises(BadFilter, match="no field 'colour'; there are study, state"):
        STUDIES.parse("colour:red")
