"""A launch (P30): whether a candidate becomes the baseline, by fresh reruns in planned groups."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from labtui.charts.spec import Axis, ChartSpec
from labtui.tui.actions import bindings, with_keys
from labtui.tui.screens.ask import AskScreen, is_reason
from labtui.tui.screens.deciding import DecidingScreen
from labtui.tui.widgets.strips import StripChart
from labtui.tui.widgets.textpane import TextPane
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.tui.launching import Standing
    from labtui.tui.reader import Reader

PANES = ("reruns", "evidence", "doubts")
"""In the order of their keys."""

BESIDE, TALL = 120, 34
"""Columns from which all panes stand side by side; rows from which two stand on one another."""

SHORT_WHY = 2
"""Lines of the reason on a small screen: the gain stands there, the evidence has the rest."""

LONG_WHY = 5
"""Lines of it where there is room."""

WHY = "why, if you want to say it: kept with the decision"
"""What the line says in which a person may add to the reason."""


class LaunchScreen(DecidingScreen):
    """Where the launch of a study's best trial, or of a trial, stands."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["telling.tcss", "launch.tcss"]
    BINDINGS = bindings("launch")
    chain_name = "launch"
    reading = "reading…"

    def __init__(self, reader: Reader, study: str, name: str, launch: int | None = None) -> None:
        """Show the launch of `name`, a study or a trial of `study`.

        Args:
            reader: Asks the lab.
            study: The study of the candidate.
            name: That study, whose best trial is the candidate, or a trial.
            launch: Id of one launch of it, which may be past; None for what stands by now.
        """
        super().__init__(reader)
        self.name_of_study = study
        self._subject = name
        self._launch = launch
        self._looking = False
        self._remark = ""
        self._active = "reruns"
        self._looked: bool | None = None
        self.standing: Standing | None = None

    @property
    def twin(self) -> str:
        """The command that says the same."""
        return f"labtui launch {shlex.quote(clean(self._subject))}"

    def compose_body(self) -> Iterable[Widget]:
        """Lay out the verdict, the panes, and the line that says how things ended."""
        yield Static(f"Launch  {clean(self._subject)}", id="title", markup=False)
        yield Static(id="how")
        yield Static(id="tabs")
        with Horizontal(id="panes"):
            with Vertical(id="reruns", classes="pane"):
                yield StripChart(id="reruns-chart")
            with Vertical(id="words"):
                for name in ("evidence", "doubts"):
                    with Vertical(id=name, classes="pane"):
                        yield TextPane(place="text", id=f"{name}-text")
        yield Static(id="said", markup=False)

    def seen(self, lab: Lab) -> object:
        """Read anew whenever a rerun has ended, or something was decided."""
        study = lab.study(self.name_of_study)
        launches = [(one.id, one.updated, one.adopted) for one in lab.launches(study=study.name)]
        reruns = [
            (one.name, one.state, one.ended, one.total)
            for one in lab.studies()
            if one.parent == study.name and one.kind == "launch"
        ]
        baseline = lab.workload(study.workload).baseline
        return study.state, study.ended, baseline, launches, reruns

    def read(self) -> Standing:
        """Read where it stands."""
        from labtui.store.lab import Lab
        from labtui.tui.launching import read_standing

        with Lab(self.reader.paths) as lab:
            return read_standing(lab, self._subject, self._launch)

    def show(self, standing: Standing) -> None:
        """Say where it stands; look at what was just trained for it."""
        from labtui.tui import launch_text
        from labtui.verdicts.figures_launch import launch_plot

        self.standing = standing
        record = standing.record
        looked = record is not None and bool(record.data.get("looks"))
        if record is not None and looked:
            self.query_one(StripChart).show(launch_plot(record))
        else:
            self.query_one(StripChart).show(_NO_RERUNS)
        self.query_one("#doubts-text", TextPane).say_lines(launch_text.doubts(standing))
        if self._looked is None and not looked:
            self.action_show("evidence")
        self._looked = looked
        self._arrange()
        self.refresh_bindings()
        if self._looking and standing.ready:
            self._looking = False
            self._look(remark=self._remark)
        elif self._looking and not standing.training and standing.group is not None:
            self.tell(with_keys("its reruns have ended early: {launch.train} goes on with them"))

    # -- the panes --------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Show the panes that fit."""
        self._arrange()

    def action_show(self, name: str) -> None:
        """Go to a pane."""
        self._active = name
        self._arrange()
        widget = StripChart if name == "reruns" else TextPane
        self.query_one(f"#{name}").query_one(widget).focus()

    def action_pane(self, step: int) -> None:
        """Go to the next pane."""
        self.action_show(PANES[(PANES.index(self._active) + step) % len(PANES)])

    def _arrange(self) -> None:
        width, height = self.app.size
        beside, tall = width >= BESIDE, height >= TALL
        shown = set(PANES) if beside else {self._active, "reruns"} if tall else {self._active}
        if tall and not beside and len(shown) == 1:
            shown.add("evidence")
        for name in PANES:
            self.query_one(f"#{name}").set_class(name not in shown, "-gone")
        self.query_one("#words").set_class(not shown - {"reruns"}, "-gone")
        self.set_class(tall and not beside, "-stacked")
        self.set_class(len(shown) > 1, "-framed")
        self.set_class(not tall, "-short")
        self._say_how(width, SHORT_WHY if not tall else LONG_WHY)
        self._label(shown, width)

    def _say_how(self, width: int, most: int) -> None:
        """Write the verdict, why, and what comes next."""
        from labtui.tui import launch_text

        standing = self.standing
        if standing is None:
            return
        text, style = launch_text.verdict(standing)
        reason, room = launch_text.why(standing), max(width - 4, 20)
        rows = textwrap.wrap(reason, room, max_lines=most, placeholder=" …")
        was_cut = len(textwrap.wrap(reason, room)) > most
        evidence = list(launch_text.evidence(standing, reason=was_cut))
        self.query_one("#evidence-text", TextPane).say_lines(evidence)
        parts: list[tuple[str, str]] = [(f"{text}\n", style)]
        parts += [(f"  {row}\n", "") for row in rows]
        parts.append((f"→ {launch_text.following(standing)}", "$text-accent"))
        progress = launch_text.progress(standing)
        if progress:
            parts.append((f"\n  {progress}", ""))
        self.query_one("#how", Static).update(Content.assemble(*parts))

    def _label(self, shown: set[str], width: int) -> None:
        """Name the panes on a line or in their frames, and the command that says the same."""
        from labtui.tui.launch_text import doubt_count, title

        alerts = doubt_count(self.standing) if self.standing is not None else 0
        notes = {"doubts": f" ▲{alerts}" if alerts else ""}
        parts: list[tuple[str, str]] = []
        for place, name in enumerate(PANES, 1):
            note = notes.get(name, "")
            self.query_one(f"#{name}").border_title = Content(f"{place} {name}{note}")
            active = name == self._active and len(shown) == 1
            style = "$text-primary bold reverse" if active else "$faded"
            words = f" {place} {name}{note} " if active else f"{place} {name}{note}"
            parts += [(words, f"{style} @click=screen.show('{name}')"), (" ", "")]
        twin, heading = f"= {self.twin}", f"Launch  {clean(self._subject)}"
        if self.standing is not None:
            heading = title(self.standing, self._subject)
        tabs = self.query_one("#tabs", Static)
        tabs.set_class(len(shown) > 1, "-gone")
        beside = twin.rjust(width - 2 - len(heading)) if len(shown) > 1 else ""
        line = Content.assemble((heading, ""), (beside, "$faded not bold"))
        self.query_one("#title", Static).update(line)
        room = width - 2 - sum(len(text) for text, _ in parts)
        tabs.update(Content.assemble(*parts, (twin.rjust(room), "$faded")))

    # -- actions ----------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done as it stands."""
        standing = self.standing
        offered = {
            "train": standing is not None and standing.can_train,
            "overrule": standing is not None and standing.can_overrule,
            "reject": standing is not None and standing.can_reject,
            "lineage": standing is not None and bool(_workload(standing)),
        }
        return offered.get(action, True)

    def action_train(self) -> None:
        """Train the next group and look at it, or look at what has ended; asks before either."""
        from labtui.tui.launch_text import asking

        standing = self.standing
        if standing is None or standing.planned is None or self.busy:
            return
        ask = AskScreen(*asking(standing), value="", hint=WHY)
        looks = standing.group is None or standing.ready
        self.app.push_screen(
            ask, lambda why: self._look(remark=why or "") if looks else self._train(why or "")
        )

    def action_overrule(self) -> None:
        """Ask why what holds it back is set aside."""
        from labtui.tui.launch_text import overruling

        standing = self.standing
        if standing is None or self.busy:
            return
        ask = AskScreen(*overruling(standing), value="", check=is_reason)
        self.app.push_screen(ask, lambda reason: self._look(reason or ""))

    def action_reject(self) -> None:
        """Ask why it is rejected before its reruns decide."""
        standing = self.standing
        if standing is None or self.busy:
            return
        detail = "The baseline stays, and no more of its reruns are planned; this is recorded."
        ask = AskScreen("Reject it? Why?", detail, value="", check=is_reason)
        self.app.push_screen(ask, lambda reason: self._reject(reason or ""))

    def action_lineage(self) -> None:
        """Go to the workload with its lineage."""
        from labtui.tui.screens.workload import WorkloadScreen

        workload = "" if self.standing is None else _workload(self.standing)
        if workload:
            self.app.push_screen(WorkloadScreen(self.reader, workload))

    def _train(self, remark: str) -> None:
        from labtui.tui.launching import train_group

        standing, self._remark = self.standing, remark
        if standing is not None and standing.planned is not None:
            paths, planned = self.reader.paths, standing.planned

            def begun(_: None) -> None:
                self._looking = True
                self.tell("in the queue; what comes of it appears here")

            self.do("handing reruns to the runner…", lambda: train_group(paths, planned), begun)

    def _look(self, overruled: str = "", remark: str = "") -> None:
        from labtui.tui.launching import take_look

        standing = self.standing
        if standing is not None and standing.planned is not None:
            paths, planned = self.reader.paths, standing.planned
            deed = partial(take_look, paths, planned, overruled, remark)
            self.do("looking…", deed, lambda _: None)

    def _reject(self, why: str) -> None:
        from labtui.tui.launching import reject

        standing = self.standing
        if why and standing is not None and standing.planned is not None:
            paths, planned = self.reader.paths, standing.planned
            self._looking = False

            def rejected(_: None) -> None:
                if standing.training:
                    name = shlex.quote(clean(planned.reruns))
                    self.tell(f"its reruns go on; `labtui stop {name}` ends them")

            self.do("recording…", lambda: reject(paths, planned, why), rejected)


_NO_RERUNS = ChartSpec(
    "fresh reruns", Axis(), Axis(), (), empty="no fresh reruns were looked at yet"
)


def _workload(standing: Standing) -> str:
    if standing.planned is not None:
        return standing.planned.study.workload
    return standing.record.workload if standing.record is not None else ""
