from dataclasses import dataclass

import pytest
from textual.app import App

from labtui.tui.widgets.columns import Column, fit
from labtui.tui.widgets.table import Table
from tests.tui.driving import until


@dataclass(frozen=True)
class Row:
    id: int
    value: float | None


COLUMNS = [
    Column("id", "id", 4, lambda r: (str(r.id), ""), lambda r: r.id, right=True),
    Column("value", "value", 8, lambda r: (str(r.value), "dim"), lambda r: r.value),
    Column("note", "note", 10, lambda r: ("[red]界界界界界界", "completed"), grows=True),
]


class TableApp(App[None]):
    def compose(self):
        yield Table(lambda row: row.id, place="table", id="table")

    def on_mount(self):
        self.table = self.query_one(Table)
        self.table.set_columns(COLUMNS, sort="value")
        self.table.focus()


def rows(*values):
    return [Row(index, value) for index, value in enumerate(values)]


async def test_the_cursor_stays_on_its_record_through_news_sorting_and_filters():
    app = TableApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.table.show(rows(3.0, 1.0, None, 2.0))
        assert [r.id for r in app.table.rows] == [1, 3, 0, 2]
        await pilot.press("j")
        assert app.table.current.id == 3
        app.table.show(rows(3.0, 1.0, 0.1, 9.0))
        assert app.table.current == Row(3, 9.0)
        await pilot.press("O")
        assert [r.id for r in app.table.rows] == [3, 0, 1, 2]
        assert app.table.current.id == 3
        app.table.keep(lambda row: row.value < 5)
        assert app.table.current.id == 0


async def test_what_has_no_value_comes_last_either_way():
    app = TableApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.table.show(rows(None, 1.0, 2.0))
        await pilot.press("O")
        assert [r.id for r in app.table.rows] == [2, 1, 0]
        await pilot.press("o")
        assert app.table.sorting == ("id", False)


async def test_moving_by_every_key_in_a_table_of_ten_thousand():
    app = TableApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.table.show(rows(*map(float, range(10_000))))
        await until(pilot, lambda: app.table.rows)  # so many are sorted on a thread of their own
        for key, expected in [
            ("G", 9999),
            ("k", 9998),
            ("ctrl+u", 9989),
            ("g", 0),
            ("pagedown", 9),
            ("down", 10),
            ("up", 9),
            ("home", 0),
            ("k", 0),
        ]:
            await pilot.press(key)
            assert app.table.current.id == expected
            top = round(app.table.scroll_y)
            assert top <= expected < top + 10


async def test_scrolling_goes_by_columns_and_the_first_one_stays():
    app = TableApp()
    async with app.run_test(size=(22, 6)) as pilot:
        app.table.show(rows(*map(float, range(20))))
        await pilot.pause()
        assert "›" in app.table.render_line(0).text
        await pilot.press("l")
        assert "‹note" in app.table.render_line(0).text
        assert " 0  [red]" in app.table.render_line(1).text
        await pilot.press("h")
        assert "value" in app.table.render_line(0).text


async def test_half_a_number_is_not_shown_as_one():
    app = TableApp()
    async with app.run_test(size=(13, 6)) as pilot:
        app.table.show(rows(1.25, 1234.5))
        await pilot.pause()
        assert app.table.render_line(1).text == "▸    0  1.25 "
        assert app.table.render_line(2).text == "     1  1234…"


async def test_at_the_top_what_comes_first_stays_in_sight():
    app = TableApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.table.show(rows(*map(float, range(5, 35))))
        await pilot.press("j")
        app.table.show([*rows(*map(float, range(5, 35))), Row(99, 1.0)])
        assert (app.table.current.id, round(app.table.scroll_y)) == (1, 0)
        await pilot.press("ctrl+d", "ctrl+d")
        top, here = round(app.table.scroll_y), app.table.current.id
        app.table.show([*rows(*map(float, range(5, 35))), Row(98, 0.5), Row(99, 1.0)])
        assert (app.table.current.id, round(app.table.scroll_y)) == (here, top + 1)


async def test_a_click_on_a_header_sorts_and_on_a_row_moves():
    app = TableApp()
    async with app.run_test(size=(60, 10)) as pilot:
        app.table.show(rows(3.0, 1.0, 2.0))
        await pilot.click(Table, offset=(4, 0))
        assert app.table.sorting == ("id", False)
        await pilot.click(Table, offset=(4, 0))
        assert app.table.sorting == ("id", True)
        await pilot.click(Table, offset=(4, 2))
        assert app.table.current.id == 1


async def test_texts_are_shown_as_they_are():
    app = TableApp()
    async with app.run_test(size=(60, 5)) as pilot:
        app.table.show(rows(1.0))
        await pilot.pause()
        assert "[red]界界" in app.table.render_line(1).text


def test_what_its_end_tells_apart_loses_its_middle():
    names = [f"optimizers-widen-{end}" for end in ("arms", "launch", "launch-2")]
    shown = [fit(name, 14, ends=True) for name in names]
    assert shown == ["optim…den-arms", "optim…n-launch", "optim…launch-2"]
    assert fit("界界界界界界", 6, ends=True) == "界 …界"
    assert [fit("abc", width, ends=True) for width in (0, 1, 2, 3)] == ["", "…", "a…", "abc"]


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("abc", 5, "abc  "), ("abcdef", 4, "abc…"), ("界界界", 4, "界 …"), ("abc", 0, "")],
)
def test_text_is_brought_to_a_width(text, width, expected):
    assert fit(text, width) == expected
