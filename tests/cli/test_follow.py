"""What `labtui run` knows of a study before it asks for it."""

from labtui.cli.follow import Before, look
from labtui.store.paths import LabPaths
from tests.support.labs import make_lab


def test_a_lab_that_another_process_is_just_making_holds_nothing_yet(tmp_path):
    paths = LabPaths(tmp_path / "lab.db")
    assert look(paths, "s") == Before()
    paths.db.touch()
    assert look(paths, "s") == Before()
    paths.db.write_bytes(b"SQLite format 3\0" + bytes(84))
    assert look(paths, "s") == Before()


def test_what_had_ended_is_no_news(tmp_path):
    paths = make_lab(tmp_path, name="digits")
    before = look(paths, "digits")
    assert before.finished
    assert set(before.printed) >= before.finished
    assert look(paths, "another").finished == frozenset()
