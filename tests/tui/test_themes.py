"""Every theme can be read, with and without colours, and by people who see fewer of them."""

import pytest
from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from labtui.charts.palette import ON_DARK, ON_LIGHT
from labtui.charts.signs import SIGNS
from labtui.store.paths import LabPaths
from labtui.tui.app import LabApp
from labtui.tui.legible import EDGE, FAINT, TEXT, contrast, legible
from labtui.tui.settings import Settings
from tests.support.labs import make_lab
from tests.tui.driving import LARGE, SMALL, open_study, screen_text, until

FRAMES = set("━╌┅─│╭╮╰╯▁▂▃▄▅▆▇█░▎▔★◆ ")
"""Frames, separators, scrollbars and bars: no text."""
CURVES = {*ON_DARK, *ON_LIGHT}


def painted(app):
    """The text on screen with its colours, as a terminal gets it."""
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            if segment.style is not None and segment.text.strip():
                yield segment


def colours(segment: Segment):
    style = segment.style
    front, back = style.color, style.bgcolor
    if style.reverse:
        front, back = back, front
    return Color(*front.triplet), Color(*back.triplet)


def is_drawn(text, front):
    """Whether it is a frame, a bar, or a part of a chart; signs are, in the colour of a curve."""
    if set(text) <= {"━", *SIGNS} and front.hex.lower() in CURVES:
        return True
    return set(text) <= FRAMES or any("⠀" <= sign <= "⣿" for sign in text)


def is_muted(front, *grounds):
    """Whether a colour is that of what is less important, on one of some backgrounds."""
    muted = (ground.blend(ground.get_contrast_text(1.0), 0.6).rgb for ground in grounds)
    return any(max(abs(a - b) for a, b in zip(front.rgb, one, strict=True)) <= 3 for one in muted)


def problems(app):
    paper = Color.parse(app.theme_variables["background"])
    for segment in painted(app):
        text = segment.text.strip()
        front, back = colours(segment)
        dimmed = is_muted(front, back, paper)
        drawn = is_drawn(text, front)
        least = EDGE if drawn else FAINT if dimmed else TEXT
        found = contrast(front, back)
        if found < least - 0.05 and not drawn:
            yield f"{text!r}: {found:.1f} < {least}"


HARDEST = (
    "ansi-light",
    "atom-one-light",
    "catppuccin-frappe",
    "gruvbox",
    "nord",
    "solarized-dark",
    "textual-light",
)
"""The themes with the faintest texts as Textual has them, for the screen with everything on it."""


async def test_all_text_stands_out_from_what_is_behind_it_under_every_theme(tmp_path):
    make_lab(tmp_path, points=3, evaluations=4)
    app = LabApp(LabPaths(tmp_path / "lab.db"))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))
        for screen, names in (("lab", BUILTIN_THEMES), ("study", HARDEST)):
            if screen == "study":
                await pilot.resize_terminal(160, 50)
                await pilot.press("enter")
                await open_study(pilot, app)
            for name in names:
                app.theme = name
                await pilot.pause()
                assert "digits" in screen_text(app)
                if not BUILTIN_THEMES[name].ansi:  # there colours are the terminal's
                    assert list(problems(app)) == [], (screen, name)


@pytest.mark.parametrize("name", [t.name for t in BUILTIN_THEMES.values() if not t.ansi])
def test_curves_and_separators_stand_out_under_every_theme(name):
    app = App()
    app.theme = name
    variables = legible(app.get_css_variables())
    paper = Color.parse(variables["background"])
    palette = ON_LIGHT if paper.brightness > 0.5 else ON_DARK
    assert min(contrast(Color.parse(one), paper) for one in palette) >= FAINT
    assert contrast(Color.parse(variables["panel-lighten-2"]), paper) >= EDGE


def test_colours_that_can_be_read_stay_as_they_are():
    app = App()
    app.theme = "tokyo-night"
    before = app.get_css_variables()
    after = legible(before)
    assert after["text-success"] == before["text-success"]
    assert legible(after) == after


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
async def test_without_colours_cursor_focus_and_states_are_seen(tmp_path, theme, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    make_lab(tmp_path, points=2, evaluations=2)
    app = LabApp(LabPaths(tmp_path / "lab.db"), settings=Settings(theme=theme))
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "▸ digits-optimizer" in screen_text(app))
        assert "✓" in screen_text(app)
        await until(pilot, lambda: app.screen.focused is not None)
        sent = [
            segment
            for strip in app.screen._compositor.render_strips()
            for filter in app._filters
            for segment in filter.apply(list(strip), Color(0, 0, 0))
            if segment.style is not None
        ]
        assert {s.style.color.name for s in sent if s.style.color} == {"default"}
        assert {s.style.bgcolor.name for s in sent if s.style.bgcolor} == {"default"}
        rows = [s.style for s in sent if "digits-optimizer" in s.text]
        assert any(style.bold and style.reverse for style in rows), rows
        await pilot.press("enter")
        await open_study(pilot, app)
        assert "┏" in screen_text(app)  # the frame of what has the focus, and of nothing else
        assert screen_text(app).count("┏") == 1


# -- people who see fewer colours ----------------------------------------------------------------

SIGHT = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}
"""Linear RGB as it is seen: Machado, Oliveira and Fernandes 2009, severity 1."""

APART = 12.0
"""CIE 1976 difference of two curves: 2.3 is just noticed side by side; thin lines need more."""


def linear(colour):
    parts = [part / 255 for part in Color.parse(colour).rgb]
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def times(matrix, vector):
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def lab(parts):
    to_xyz = (
        (0.4124564, 0.3575761, 0.1804375),
        (0.2126729, 0.7151522, 0.0721750),
        (0.0193339, 0.1191920, 0.9503041),
    )
    xyz = times(to_xyz, [min(max(part, 0.0), 1.0) for part in parts])
    white = (0.95047, 1.0, 1.08883)
    x, y, z = (
        r ** (1 / 3) if (r := v / w) > (6 / 29) ** 3 else r / (3 * (6 / 29) ** 2) + 4 / 29
        for v, w in zip(xyz, white, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("palette", [ON_DARK, ON_LIGHT])
def test_curves_differ_for_people_who_see_fewer_colours(sight, palette):
    seen = [lab(times(SIGHT[sight], linear(colour))) for colour in palette]
    for place, one in enumerate(seen):
        for other in seen[:place]:
            assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 >= APART


def test_the_simulation_tells_that_red_and_green_are_alike():
    red, green = (lab(times(SIGHT["deuteranopia"], linear(c))) for c in ("#a33b00", "#8f5600"))
    assert sum((a - b) ** 2 for a, b in zip(red, green, strict=True)) ** 0.5 < APART
