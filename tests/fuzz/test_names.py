"""Names of anything: whatever they are made of, they are only text wherever they are shown."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from labtui.charts.spec import Axis, ChartSpec, Series
from labtui.charts.svg import to_svg
from labtui.cli.app import main
from labtui.verdicts.text import clean
from tests.fuzz import fuzzed
from tests.interop.exporting import hostile_lab

_written: list[str] = []
_watching = [False]
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    """Note each place that is written; hooks cannot be taken away, so it is switched."""
    if not _watching[0]:
        return
    if event == "open" and not isinstance(arguments[0], int) and int(arguments[2]) & WRITING:
        _written.append(os.fsdecode(arguments[0]))
    elif event in ("os.mkdir", "os.rename", "os.link", "os.symlink", "os.truncate"):
        paths = [one for one in arguments[:2] if isinstance(one, str | bytes | os.PathLike)]
        _written.extend(map(os.fsdecode, paths))
    elif event == "sqlite3.connect" and "mode=ro" not in str(arguments[0]):
        _written.append(os.fsdecode(arguments[0]).removeprefix("file:").partition("?")[0])


sys.addaudithook(_watch)


@contextlib.contextmanager
def writing_only_in(folder: Path):
    """See that everything that is written meanwhile lies in a folder, the temporary files too."""
    _written.clear()
    _watching[0], tempfile.tempdir = True, str(folder)
    try:
        yield
    finally:
        _watching[0], tempfile.tempdir = False, None
    places = {str(Path(path).resolve()) for path in _written if "__pycache__" not in path}
    assert places
    assert [path for path in places if not path.startswith((str(folder.resolve()), "/dev/"))] == []


CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
NASTY = st.sampled_from(
    [
        *("<script>alert(1)</script>", "]]>", "' onload='x", '" onerror="x', "&#x1b;", "-->"),
        *("\x1b]0;x\x07", "\x9b2J", "\u202egnp", "\u200b", "../../x", "$(x)", "[red]x[/]", "=1+1"),
        *("```", "|", "\r", "\n", "C:\\x", "CON", "\U0001f468\u200d\U0001f469", "%s {0}"),
    ]
)
names = st.lists(st.one_of(NASTY, st.text(max_size=6)), min_size=1, max_size=4).map("".join)


class Strict(HTMLParser):
    """Notes what a page would run."""

    def __init__(self):
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "iframe", "object", "embed", "base", "form"):
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or "javascript:" in (value or "").lower():
                self.found.append(f"{tag} {name}={value}")


@given(st.text(max_size=60))
@example("".join(map(chr, range(0x300))))
@fuzzed(5)
def test_cleaned_text_moves_and_hides_nothing(text):
    shown = clean(text)
    assert not CONTROL.search(shown)
    assert all(c.isprintable() for c in shown)
    assert CONTROL.search(clean(text, multiline=True).replace("\n", "")) is None


def test_every_character_there_is_is_shown_safely():
    for start in range(0, 0x110000, 0x1000):
        text = "".join(chr(code) for code in range(start, start + 0x1000))
        assert clean(text).isprintable()


@given(names)
@fuzzed()
def test_a_figure_is_xml_without_anything_that_runs(name):
    text = to_svg(ChartSpec(name, Axis(name), Axis(name), (Series((1.0, 2.0), (1.0, 2.0), name),)))
    root = ElementTree.fromstring(text)
    assert not [one for one in root.iter() if one.tag.endswith(("script", "foreignObject"))]
    page = Strict()
    page.feed(text)
    assert page.found == []


@given(
    st.lists(names, min_size=1, max_size=2, unique_by=lambda name: name.encode("utf-8", "replace"))
)
@fuzzed(0.04)
def test_names_are_text_in_all_that_is_shown_and_exported(texts):
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "in").mkdir()
        lab = str(hostile_lab(folder / "in", texts).db)
        name = texts[0].encode("utf-8", "replace").decode()
        out = folder / "in" / "out"
        out.mkdir()
        for words in (
            ["list"],
            ["list", "--json"],
            ["log"],
            ["show", "--", name],
            ["check", "--", name],
            ["plot", "--", name],
            ["export", "--all", "--to", str(out / "csv")],
            ["export", "--all", "--format", "xlsx", "--to", str(out / "x.xlsx")],
            ["export", "--all", "--format", "markdown", "--to", str(out / "x.md")],
            ["export", "--all", "--format", "sqlite", "--to", str(out / "x.sqlite")],
            ["report", "--to", str(out / "x.html"), "--", name],
        ):
            if words[0] in ("export", "report"):
                with writing_only_in(folder):
                    said = spoken([words[0], "--lab", lab, *words[1:]])
            else:
                said = spoken([words[0], "--lab", lab, *words[1:]])
            assert "a fault of labtui" not in said, f"{words}: {said}"
            assert "Traceback" not in said
            assert not CONTROL.search(said), f"{words}: {said!r}"
        assert not CONTROL.search((out / "x.md").read_text("utf-8"))
        page = Strict()
        page.feed((out / "x.html").read_text("utf-8"))
        assert page.found == []
        assert [path.name for path in folder.iterdir()] == ["in"]


def spoken(words: list[str]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        main(words)
    return said.getvalue()
