"""`labtui note`: notes and tags, headless and in an editor; no text is ever lost."""

import io
import json
import shlex
import sys

import pytest

from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from tests.support.labs import make_lab

STUDY = "digits-optimizer"


@pytest.fixture
def lab_file(tmp_path):
    return make_lab(tmp_path / "lab", points=2).db


@pytest.fixture
def drafts(tmp_path, monkeypatch):
    """The folder that holds what could not be stored."""
    folder = tmp_path / "drafts"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return lambda: sorted(folder.iterdir())


@pytest.fixture
def editor(tmp_path, monkeypatch):
    """Name an editor: a program that does something to the file `path`."""

    def name(code, variable="VISUAL"):
        script = tmp_path / "an editor.py"
        script.write_text(f"import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n{code}\n")
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv(variable, shlex.join([sys.executable, str(script)]))

    return name


def notes(lab_file):
    with Lab(LabPaths(lab_file)) as lab:
        return [(one.subject, one.text) for one in lab.all_notes()]


def stdin(monkeypatch, data):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_notes_on_workloads_studies_and_trials(labtui, lab_file):
    assert labtui("note", STUDY, "on the study").code == 0
    with Lab(LabPaths(lab_file)) as lab:
        ident = lab.trials(STUDY)[3].id
    assert labtui("note", ident, "on the trial").err == f"noted on {STUDY}/3\n"
    assert labtui("note", "--workload", "digits-mlp", "on the workload").code == 0
    assert notes(lab_file) == [
        (STUDY, "on the study"),
        (f"{STUDY}/3", "on the trial"),
        ("workload:digits-mlp", "on the workload"),
    ]
    shown = labtui("show", STUDY).out
    assert "on the study" in shown
    assert "#3: on the trial" in shown
    of_trial = labtui("show", f"{STUDY}/3").out
    assert "on the trial" in of_trial
    assert "on the study" not in of_trial
    listed = labtui("note", STUDY, "--list").out
    assert "on the study" in listed
    assert "on the trial" in listed
    assert "on the workload" not in listed
    document = json.loads(labtui("note", "--list", "--json").out)
    assert [one["subject"] for one in document["notes"]] == [one for one, _ in notes(lab_file)]


def test_tags_are_added_and_taken_away(labtui):
    assert "tags of" in labtui("note", STUDY, "--tag", "paper", "--tag", "=odd").err
    assert labtui("note", f"{STUDY}/1", "see here", "--tag", "spike").code == 0
    assert labtui("note", "--workload", "digits-mlp", "--tag", "small").code == 0
    assert labtui("note", STUDY, "--untag", "=odd").err == f"tags of {STUDY}: paper\n"
    document = json.loads(labtui("note", "--json").out)
    assert document["tags"] == {
        STUDY: ["paper"],
        f"{STUDY}/1": ["spike"],
        "workload:digits-mlp": ["small"],
    }
    assert "paper" in labtui("list").out
    assert STUDY in labtui("list", "--tag", "spike").out
    assert labtui("list", "--tag", "small").out == ""
    assert json.loads(labtui("list", "--json", "--tag", "paper").out)["studies"][0]["tags"] == [
        "paper"
    ]
    assert "tags        spike" in labtui("show", f"{STUDY}/1").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([STUDY, "--tag", "two words"], "without space or comma"),
        ([STUDY, "--tag", "a,b"], "without space or comma"),
        ([STUDY, "--tag", ""], "without space or comma"),
        ([STUDY, "--tag", "x" * 61], "at most 60"),
        ([STUDY, "--tag", "\x1b[31m"], "␛[31m"),
        ([STUDY, "--untag", "paper"], f"{STUDY} has no tag 'paper'; it has none"),
        ([STUDY, "  "], "empty note"),
        ([STUDY, "x", "--list"], "prints notes and changes none"),
        ([STUDY, "x", "--workload", "digits-mlp"], "expected one of them"),
        (["--tag", "x"], "expected the NAME"),
        (["digits-optimizr", "x"], f"did you mean '{STUDY}'"),
        (["--workload", "digits", "x"], "did you mean 'digits-mlp'"),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(labtui, lab_file, arguments, said):
    found = labtui("note", *arguments)
    assert found.code == 2
    assert said in found.err
    assert notes(lab_file) == []
    assert json.loads(labtui("note", "--json").out)["tags"] == {}


# -- an editor ----------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["VISUAL", "EDITOR"])
def test_an_editor_writes_the_note(labtui, lab_file, editor, drafts, variable):
    editor(
        "text = path.read_text(); assert text.startswith('# A note on the study'), text\n"
        "path.write_text(text + '# a heading\\n\\nfound  odd\\r\\n')",
        variable,
    )
    assert labtui("note", STUDY).err == f"noted on {STUDY}\n"
    assert notes(lab_file) == [(STUDY, "# a heading\n\nfound  odd")]
    assert drafts() == []


@pytest.mark.parametrize("code", ["pass", "path.write_text('')", "path.unlink()"])
def test_nothing_written_is_nothing_noted(labtui, lab_file, editor, drafts, code):
    editor(code)
    found = labtui("note", STUDY)
    assert found.code == 0
    assert "nothing was written: nothing is noted" in found.err
    assert notes(lab_file) == []
    assert drafts() == []


def test_an_editor_that_fails_keeps_the_text(labtui, lab_file, editor, drafts):
    editor("path.write_text('half a thought'); sys.exit(3)")
    found = labtui("note", STUDY)
    assert found.code == 2
    assert "ended with 3: nothing was noted" in found.err
    (kept,) = drafts()
    assert str(kept) in found.err
    assert kept.read_text() == "half a thought"
    assert notes(lab_file) == []


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (None, "neither $VISUAL nor $EDITOR"),
        ("/nowhere/at-all", "does not start: No such file"),
        ("'open", "no command"),
    ],
)
def test_no_editor_is_said(labtui, monkeypatch, drafts, named, said):
    for variable in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(variable, raising=False)
    if named:
        monkeypatch.setenv("EDITOR", named)
    found = labtui("note", STUDY)
    assert found.code == 2
    assert said in found.err
    assert "labtui" in found.err
    assert drafts() == []


@pytest.mark.parametrize("way", ["editor", "stdin"])
def test_a_text_that_cannot_be_stored_is_kept(labtui, editor, drafts, monkeypatch, way):
    from labtui.store.errors import LabBroken

    def fail(*_):
        raise LabBroken("the disk is full")

    monkeypatch.setattr("labtui.engine.client.add_note", fail)
    editor("path.write_text('a thought')")
    if way == "stdin":
        stdin(monkeypatch, b"a thought")
    found = labtui("note", STUDY, *(["-"] if way == "stdin" else []))
    assert found.code == 74
    (kept,) = drafts()
    assert f"it is in {kept}" in found.err
    assert kept.read_text() == "a thought"


# -- hostile text -------------------------------------------------------------------------------

HOSTILE = [
    b"=HYPERLINK(1)",
    b"\x1b]0;title\x07 \xe2\x80\xaegnp",
    b"not \xff\xfe UTF-8",
    b"nul \x00 and \x85 and \xe2\x80\xa8 lines",
    b"x" * 1_000_000,
    "\ud800".encode("utf-8", "surrogatepass"),
]


def test_hostile_text_from_stdin_is_text_everywhere(labtui, lab_file, tmp_path, monkeypatch):
    for data in HOSTILE:
        stdin(monkeypatch, data)
        assert labtui("note", STUDY, "-").code == 0
    stored = [text for _, text in notes(lab_file)]
    assert stored == [data.decode("utf-8", "backslashreplace").strip() for data in HOSTILE]
    for arguments in (["note", "--list"], ["show", STUDY], ["log", "--no-verdict"]):
        found = labtui(*arguments)
        assert found.code == 0
        assert all(c.isprintable() or c == "\n" for c in found.out)
        assert "=HYPERLINK(1)" in found.out
    shown = labtui("show", STUDY).out
    assert "not \\xff\\xfe UTF-8" in shown
    assert "(1,000,000 characters; `labtui note NAME --list` has them)" in shown
    assert len(shown) < 20_000
    assert labtui("export", STUDY, "--format", "xlsx", "--to", tmp_path / "a.xlsx").code == 0


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"x" * 4_000_001, "which is no note"), (b" \n", "empty note")],
    ids=["long", "empty"],
)
def test_what_is_too_long_or_empty_is_no_note(labtui, lab_file, monkeypatch, data, said):
    stdin(monkeypatch, data)
    found = labtui("note", STUDY, "-")
    assert found.code == 2
    assert said in found.err
    assert notes(lab_file) == []
