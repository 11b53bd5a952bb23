"""The themes that leave the least contrast, on the screens that the lab and a study lead to."""

from labtui.tui.app import LabApp
from labtui.tui.screens.compare import CompareScreen
from labtui.tui.screens.help import HelpScreen
from labtui.tui.screens.launch import LaunchScreen
from labtui.tui.screens.new import NewScreen
from labtui.tui.screens.trial import TrialScreen
from labtui.tui.screens.workload import WorkloadScreen
from tests.support.labs import make_lab
from tests.tui.driving import EVERY, LARGE, screen_text, until
from tests.tui.test_themes import problems

HARDEST = ("catppuccin-frappe", "textual-light")
"""A dark and a light one: on these screens their faintest texts come within 0.5 % and 1.7 % of what
is asked for, of 19 themes; solarized-dark and dracula leave 7 and 15 %."""

NAME = "digits-optimizer"
SCREENS = {
    TrialScreen: (lambda reader: TrialScreen(reader, f"{NAME}/0"), "Outcome"),
    NewScreen: (NewScreen, "what is to be tuned"),
    LaunchScreen: (lambda reader: LaunchScreen(reader, NAME, NAME), "no baseline yet"),
    CompareScreen: (lambda reader: CompareScreen(reader, [NAME, "other"]), "only what differs"),
    WorkloadScreen: (lambda reader: WorkloadScreen(reader, "digits-mlp"), "It has no baseline"),
}
SHORT = (TrialScreen, LaunchScreen)
"""In the short form, beside the help: those on which texts come closest to the limit."""


async def test_all_text_stands_out_on_the_screens_beyond(tmp_path):
    make_lab(tmp_path, points=2, evaluations=4)
    app = LabApp(make_lab(tmp_path, name="other", points=2, evaluations=4))
    found = {}

    async def look(kind, shown):
        await until(pilot, lambda: shown in " ".join(screen_text(app).split()))
        for theme in HARDEST:
            app.theme = theme
            await pilot.pause()
            if faint := list(problems(app)):
                found[kind.__name__, theme] = faint

    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: NAME in screen_text(app))
        for kind in SCREENS if EVERY else SHORT:
            make, shown = SCREENS[kind]
            app.push_screen(make(app.reader))
            await look(kind, shown)
            app.pop_screen()
        await pilot.press("question_mark")
        await look(HelpScreen, "What to conclude")
        frame = app.screen.query_one("#frame").region
        strips = app.screen._compositor.render_strips()[frame.y : frame.bottom]
        own = {repr(s.text.strip()) for one in strips for s in one.crop(frame.x, frame.right)}
    for theme in HARDEST:  # what is behind a window is dimmed
        of_help = found.pop((HelpScreen.__name__, theme))
        assert [one for one in of_help if one.rpartition(": ")[0] in own] == []
    assert found == {}
