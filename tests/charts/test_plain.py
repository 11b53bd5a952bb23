"""Drawings and names in ASCII take the cells that they took."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from labtui.charts.plain import TABLE, plain
from labtui.store.paths import LabPaths
from labtui.tui.app import LabApp
from labtui.tui.ascii import Ascii


def test_what_is_drawn_stays_as_wide():
    for character in [*TABLE, *map(chr, range(0x2500, 0x25A0)), *map(chr, range(0x2800, 0x2900))]:
        assert plain(character).isascii()
        assert plain(character).isprintable()
        assert len(plain(character)) == 1


def test_a_frame_and_a_curve_look_like_themselves():
    assert plain("╭──┬─╮") == "+--+-+"
    assert plain("┃⠀⠁⣿│") == "| .#|"
    assert plain("schön 中文 ✓ …") == "schon ???? + ."


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_any_line_becomes_ascii_of_the_same_width(text):
    (found,) = Ascii().apply([Segment(text, Style(bold=True))], Color(0, 0, 0))
    assert found.text.isascii()
    assert found.cell_length == cell_len(text)
    assert found.style == Style(bold=True)


def test_the_screen_is_so_where_the_locale_has_nothing_else(monkeypatch, tmp_path):
    paths = LabPaths(tmp_path / "lab.db")
    assert not any(isinstance(one, Ascii) for one in LabApp(paths).get_line_filters())
    monkeypatch.setattr("sys.__stderr__", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert isinstance(LabApp(paths).get_line_filters()[-1], Ascii)
