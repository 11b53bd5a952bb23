"""The lab: its studies, and whether a runner is at work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from labtui.tui.actions import bindings
from labtui.tui.screens.remarks import RemarkingScreen
from labtui.tui.states import bar, state_text
from labtui.tui.study_text import follows_text, tags_text
from labtui.tui.widgets.card import Card
from labtui.tui.widgets.columns import Column
from labtui.tui.widgets.table import Table
from labtui.verdicts.arm_names import shown_best
from labtui.verdicts.text import MISSING, ago, clean, number

if TYPE_CHECKING:
    from labtui.store.records import StudyRecord
    from labtui.tui.reader import Pulse, Reader
    from labtui.verdicts.remarks import Subject

AGING = 5.0
"""Seconds after which "3m ago" is written anew."""


class LabScreen(RemarkingScreen):
    """The table of studies."""

    CSS_PATH = "lab.tcss"
    BINDINGS = [*bindings("lab"), *bindings("remark")]  # noqa: RUF012 - Textual's own form
    chain_name = "lab"
    leaving = "quit"

    class Chosen(Message):
        """A study was chosen."""

        def __init__(self, study: str) -> None:
            """Remember which."""
            super().__init__()
            self.study = study

    def __init__(self, reader: Reader) -> None:
        """Show the lab of a reader."""
        super().__init__(reader)
        self._studies: dict[str, StudyRecord] = {}
        self._tags: dict[str, list[str]] = {}

    def compose_body(self) -> Iterable[Widget]:
        """Lay out the top line, the table, and what is said about the study under the cursor."""
        yield Horizontal(Static(self._where(), id="where"), Static(id="runner"), id="top")
        yield Table["StudyRecord"](lambda study: study.name, place="table", id="studies")
        yield Static(id="about")
        yield Card(id="nothing")

    def on_mount(self) -> None:
        """Set the columns."""
        self.query_one("#studies", Table).set_columns(_columns(40), sort="activity")
        self.set_interval(AGING, self.query_one("#studies", Table).refresh)
        super().on_mount()

    async def follow(self, pulse: Pulse) -> None:
        """Read the studies, and show them."""
        studies, self._tags = await self.reader.ask(lambda lab: (lab.studies(), lab.tags()))
        self._studies = {study.name: study for study in studies}
        self.query_one("#runner", Static).update(_runner(pulse.runner))
        table = self.query_one("#studies", Table)
        table.set_columns(_columns(self.size.width, studies, self._tags), sort="activity")
        table.show(studies)
        self.set_class(not studies, "-empty")
        if not studies:
            self.query_one("#nothing", Card).say(
                "No studies yet",
                "A study asks one question, and trains trials that answer it.",
                "Start a first one in another terminal; it appears here:\n\n"
                "labtui run sample_studies/digits_optimizers.yaml",
            )
        self._about(table.current)

    @property
    def topic(self) -> str:
        """The studies."""
        return "studies"

    @property
    def subject(self) -> Subject | None:
        """The study under the cursor."""
        from labtui.verdicts.remarks import Subject

        study = self.query_one("#studies", Table).current
        return None if study is None else Subject(study.name, "study")

    def action_log(self) -> None:
        """Show the experiment log."""
        from labtui.tui.screens.log import LogScreen

        self.app.push_screen(LogScreen(self.reader))

    def action_workload(self) -> None:
        """Show what is known of the workload of the study under the cursor."""
        from labtui.tui.screens.workload import WorkloadScreen

        study = self.query_one("#studies", Table).current
        if study is not None:
            self.app.push_screen(WorkloadScreen(self.reader, study.workload))

    @on(Table.Moved, "#studies")
    def _moved(self, message: Table.Moved) -> None:
        self._about(self._studies.get(str(message.key)))

    @on(Table.Opened, "#studies")
    def _opened(self, message: Table.Opened) -> None:
        self.post_message(self.Chosen(str(message.key)))

    def _about(self, study: StudyRecord | None) -> None:
        about = _about(study, self._tags.get(study.name, ())) if study else ""
        self.query_one("#about", Static).update(about)

    def _where(self) -> Content:
        return Content.assemble(
            ("labtui", "$text-primary bold"), f"  {clean(str(self.reader.paths.db))}"
        )


def _runner(pid: int | None) -> Content:
    if pid is None:
        return Content.styled("○ no runner", "$text-muted")
    return Content.styled(f"● runner {pid} at work", "$text-success")


def _about(study: StudyRecord, tags: Iterable[str] = ()) -> Content:
    direction = "lower" if study.minimize else "higher"
    how = "best over training" if study.selection == "best" else "final value"
    best = f"best by trial {study.best_trial}   " if shown_best(study) is not None else ""
    reason = f"   {clean(study.reason)}" if study.reason else ""
    marks = tags_text(tags)
    return Content.assemble(
        (follows_text(study), "$text-accent"),
        (clean(study.goal) or "no goal was stated", "bold"),
        (f"  {marks}\n" if marks else "\n", "$text-primary"),
        f"{clean(study.metric)}: {direction} is better, {how}{reason}\n",
        (
            f"workload {clean(study.workload)}   {best}= labtui show {clean(study.name)}",
            "$text-muted",
        ),
    )


def _columns(
    width: int, studies: Iterable[StudyRecord] = (), tags: Mapping[str, Iterable[str]] | None = None
) -> list[Column[StudyRecord]]:
    """Choose columns for a screen of a width; goal and tags have one where there is room."""
    studies, tags = list(studies), tags or {}
    longest = max((len(_name(study)) for study in studies), default=12)
    name = Column["StudyRecord"](
        "name",
        "study",
        min(max(longest, 12), 32 if width >= 120 else 20),
        lambda study: (_name(study), ""),
        lambda study: study.name,
        grows=width < 120,
    )
    goal = Column["StudyRecord"](
        "goal",
        "goal",
        20,
        lambda study: (f"{follows_text(study)}{clean(study.goal)}", "dim"),
        grows=True,
    )
    marks = Column["StudyRecord"](
        "tags", "tags", 14, lambda study: (tags_text(tags.get(study.name, ())), "")
    )
    tagged = any(study.name in tags for study in studies)
    first = [name, *([goal] if width >= 120 else []), *([marks] if tagged and width >= 120 else [])]
    return [*first, *_facts(6 if width < 100 else 12)]


def _name(study: StudyRecord) -> str:
    """Mark a study that goes on from another one."""
    return f"↳ {clean(study.name)}" if study.kind else clean(study.name)


def _facts(length: int) -> list[Column[StudyRecord]]:
    return [
        Column(
            "state",
            "state",
            13,
            lambda study: (state_text(study.state), study.state),
            lambda study: study.state,
        ),
        Column(
            "progress",
            "progress",
            length + 8,
            lambda study: (_progress(study, length), ""),
            lambda study: study.ended / max(study.total, 1),
        ),
        Column(
            "best",
            "best",
            9,
            lambda study: (number(shown_best(study)), "dim" if shown_best(study) is None else ""),
            shown_best,
            right=True,
        ),
        Column(
            "infeasible", "infeas.", 7, _infeasible, lambda s: -s.counts.get("infeasible", 0), True
        ),
        Column(
            "activity",
            "active",
            8,
            lambda study: (ago(study.activity), "dim"),
            lambda study: _Newest(study.activity),
            right=True,
        ),
    ]


def _infeasible(study: StudyRecord) -> tuple[str, str]:
    count = study.counts.get("infeasible", 0)
    return (f"✗ {count}", "infeasible") if count else (MISSING, "dim")


def _progress(study: StudyRecord, length: int) -> str:
    return f"{bar(study.ended, study.total, length)} {study.ended}/{study.total}"


class _Newest(str):
    """A time of the lab that sorts the latest first."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str(self) > str(other)
