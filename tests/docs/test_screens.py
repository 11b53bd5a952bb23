"""The pictures of the screens: each has one, pages show those there are, and they are whole."""

import ast
import re
from xml.etree import ElementTree

import pytest
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from textual.strip import Segment, Strip

from docs.cells import HIGH, WIDE, is_shape, to_svg
from docs.screens import FOLDER, SHOTS
from tests.docs.pages import PAGES, ROOT, text

SCREENS = ROOT / "labtui" / "tui" / "screens"
FLEETING = "OpeningScreen"
"""Seen until the lab is read, for a blink."""
LARGEST = 150_000
MOST = 2_500_000
"""Bytes of one picture, and of all: a page of them stays quick to load."""
SVG = "{http://www.w3.org/2000/svg}"


def classes():
    """The screens by the names of their classes, each with the names that it inherits from."""
    trees = [ast.parse(file.read_text("utf-8")) for file in SCREENS.glob("*.py")]
    nodes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    return {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for node in nodes
        if node.name.endswith("Screen")
    }


def test_every_screen_has_a_picture():
    found, drawn = classes(), {shot.screen for shot in SHOTS}
    inherited = {base for bases in found.values() for base in bases}
    assert drawn <= set(found)
    assert set(found) - drawn - inherited == {FLEETING}


def test_every_picture_is_there_and_no_other():
    assert {file.stem for file in FOLDER.glob("*")} == {shot.name for shot in SHOTS}


def test_the_page_shows_every_picture():
    shown = re.findall(r"!\[.+?\]\(screens/(.+?)\.svg\)", text("docs/screens.md"))
    assert sorted(shown) == sorted(shot.name for shot in SHOTS)


def test_pages_show_pictures_that_there_are():
    for page in PAGES:
        for link in re.findall(r"!\[.*?\]\((.+?)\)", page.read_text("utf-8")):
            assert (page.parent / link).is_file(), f"{page.name}: {link}"
    assert len(re.findall(r"\(docs/screens/.+?\.svg\)", text("README.md"))) >= 3


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.svg")), ids=lambda file: file.stem)
def test_a_picture_needs_nothing_but_itself(file):
    drawn = file.read_text("utf-8")
    root = ElementTree.fromstring(drawn)
    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title")
    links = drawn.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|@font-face|url\(|<image|<script", links)
    written = "".join(root.itertext())
    assert not [character for character in written if is_shape(character)]
    assert len(drawn.encode()) < LARGEST


def test_they_are_small_together():
    assert sum(file.stat().st_size for file in FOLDER.glob("*")) < MOST


def test_they_tell_nothing_of_where_they_were_made():
    for file in FOLDER.glob("*.svg"):
        written = "".join(ElementTree.parse(file).getroot().itertext())
        assert not re.search(r"/(home|root|tmp|Users|work|usr)/", written), file.name


# -- drawing ------------------------------------------------------------------------------------


def drawn(*rows):
    strips = [Strip([Segment(text, Style(color="#ff0000"))]) for text in rows]
    return ElementTree.fromstring(to_svg(strips, DEFAULT_TERMINAL_THEME, "a <title>"))


def paths(root):
    return [path.get("d") for path in root.iter(f"{SVG}path")]


def test_letters_are_stretched_to_their_cells():
    (word, other) = drawn("ab  c<").iter(f"{SVG}text")
    assert (word.text, word.get("textLength")) == ("ab", str(2 * WIDE))
    assert (other.text, other.get("x")) == ("c<", str(4 * WIDE))


def test_a_wide_character_takes_two_cells():
    (one,) = drawn("猫a").iter(f"{SVG}text")
    assert one.get("textLength") == str(3 * WIDE)


def test_braille_is_drawn_dot_by_dot():
    assert paths(drawn("⠁⣀")) == [f"M2 2h0M{WIDE + 2} 14h0M{WIDE + 6} 14h0"]


def test_lines_of_neighbours_join():
    across, down = paths(drawn("──"))[0], paths(drawn("│", "│"))[0]
    assert across == f"M0 8H{WIDE}M{WIDE} 8H{2 * WIDE}"
    assert down == f"M4 0V{HIGH}M4 {HIGH}V{2 * HIGH}"


def test_blocks_fill_their_part():
    assert paths(drawn("▄")) == ["M0 8h8v8h-8z"]
    assert paths(drawn("▎")) == ["M0 0h2v16h-2z"]
    assert paths(drawn("▘")) == ["M0 0h4v8h-4z"]


def test_backgrounds_are_those_of_the_cells():
    strips = [Strip([Segment("abc "), Segment("x", Style(bgcolor="#00ff00"))])]
    root = ElementTree.fromstring(to_svg(strips, DEFAULT_TERMINAL_THEME, "t"))
    assert [(path.get("fill"), path.get("d")) for path in root.iter(f"{SVG}path")] == [
        ("#00ff00", f"M{4 * WIDE} 0h8v16h-8z")
    ]
