"""A study designed by hand: where it begins, and how it is saved, trained and left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.widgets import Static

from labtui.store.errors import LabError, NoLab
from labtui.tui import new_text
from labtui.tui.actions import bindings, key_of, with_keys
from labtui.tui.drafts.check import problem_text
from labtui.tui.drafts.start import OWN, Begun, Choice, begin, choices, of_own, unwritable
from labtui.tui.screens.ask import AskScreen
from labtui.tui.screens.deciding import problem
from labtui.tui.screens.designing import file_name
from labtui.tui.screens.drafted import FORCE, FileScreen
from labtui.tui.screens.editing_draft import EditingScreen
from labtui.tui.widgets.card import Card
from labtui.tui.widgets.table import Table
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.tui.drafts.judged import Judged
    from labtui.tui.reader import Reader


@dataclass(frozen=True)
class Trouble:
    """Why a study cannot be begun, and what to do."""

    title: str
    why: str
    step: str


class NewScreen(EditingScreen):
    """Designs a study, and has it trained."""

    CSS_PATH = "new.tcss"
    BINDINGS = bindings("new")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide"), (160, "-huge"), (200, "-vast")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (36, "-tall")]  # noqa: RUF012 - Textual's form
    chain_name = "new"
    reading = "reading…"

    def __init__(
        self,
        reader: Reader,
        *,
        workload: str | None = None,
        parent: str | None = None,
        kind: str | None = None,
        about: str = "",
    ) -> None:
        """Design a study.

        Args:
            reader: The lab, which need not exist yet.
            workload: What it tunes; without it, and without a parent, it is asked.
            parent: The study that it follows.
            kind: What kind of follow-up it begins as; see `labtui.study.followup.KINDS`.
            about: The hyperparameter that a kind is about that several can be made of.
        """
        super().__init__(reader)
        self._is_told = workload is not None or parent is not None
        self._start = partial(
            begin, reader.paths, workload=workload, parent=parent, kind=kind, about=about
        )

    @property
    def topic(self) -> str:
        """What the help is about."""
        if self.has_class("-choosing"):
            return "workloads-to-tune"
        here = self.focused.id if self.focused is not None else ""
        return {"asked": "draft-asked", "judged": "draft-judged"}.get(here or "", "new")

    @property
    def twin(self) -> str:
        """The command that does the same without a screen."""
        if self.begun is None or self.draft is None:
            return "labtui init"
        if self.saved is not self.draft:
            return self.begun.asked
        return f"labtui run {file_name(self.draft.name)}" + " --extend" * self.draft.extends

    # -- beginning --------------------------------------------------------------------------

    def seen(self, lab: Lab) -> object:
        """Read once: a draft is the person's, whatever the lab does meanwhile."""
        return True

    def say_error(self, error: LabError) -> None:
        """Begin without a lab; anything else is said on a card."""
        if not isinstance(error, NoLab):
            super().say_error(error)
        elif self._seen is None:
            self._seen = True
            self.do(self.reading, self.read, self.show)

    def read(self) -> Begun | list[Choice] | Trouble:
        """Begin as asked, or list what there is to choose from."""
        return self._begin(self._start) if self._is_told else choices(self.reader.paths)

    def _begin(self, start: Callable[[], Begun]) -> Begun | Trouble:
        try:
            return start()
        except Exception as error:  # said on a card with the next step
            return Trouble("This study cannot be begun", clean(problem(error)), self._way_out())

    def _way_out(self) -> str:
        if self.query_one("#choices", Table).rows:
            return "{app.back} goes back to the workloads · labtui trainers lists what is installed"
        return "{app.leave} goes back · labtui trainers lists what is installed"

    def show(self, found: Begun | list[Choice] | Trouble) -> None:
        """Show the draft, or the choice of a workload, or what is in the way."""
        if isinstance(found, Trouble):
            self._stop(found)
        elif isinstance(found, Begun):
            self._take_up(found)
        else:
            self.query_one("#choices", Table).show(found)
            self.add_class("-choosing")
            self.query_one("#title", Static).update(
                new_text.title(None, saved=False, judging=False)
            )
            self.query_one("#choices").focus()

    def _stop(self, trouble: Trouble) -> None:
        self.query_one(Card).say(trouble.title, trouble.why, trouble.step, alarm=True)
        self.add_class("-stuck")

    def _take_up(self, begun: Begun) -> None:
        if self.begun is not None and self.draft is not None:
            self.history.append((self.begun, self.draft))
        self.begun, self.draft, self.judged = begun, begun.draft, None
        self.remove_class("-choosing", "-empty")
        self.refresh_draft()
        self.query_one("#space").focus()
        why = unwritable(self.reader.paths)
        if why:
            step = "{app.back} goes on: the study can be designed, and saved as a file\n\n"
            step += "to train it, name another lab: labtui --lab PATH"
            self._stop(Trouble("Nothing can be trained into this lab", clean(why), step))

    @on(Table.Opened, "#choices")
    def action_choose(self) -> None:
        """Begin with the workload under the cursor."""
        one: Choice | None = self.query_one("#choices", Table).current
        if one is None or self.busy:
            return
        paths = self.reader.paths
        if one.workload == OWN:
            self._ask_own()
        elif one.cannot:
            step = f"install it, or run its studies where it is · {self._way_out()}"
            self._stop(Trouble(f"{clean(one.workload)} has no trainer", clean(one.cannot), step))
        else:
            start = partial(begin, paths, workload=one.workload, trainer=one.trainer)
            self.do("reading…", lambda: self._begin(start), self.show)

    def _ask_own(self) -> None:
        paths = self.reader.paths
        ask = AskScreen(
            "What trains, and its hyperparameters with their present values?",
            "As python:train.py:train learning_rate=0.1 width=64; also script:train.py … and "
            "command:./train …",
            value="python:train.py:train learning_rate=0.1",
            check=is_own_line,
        )

        def start(line: str | None) -> None:
            if line is not None:
                self.do("reading…", lambda: self._begin(lambda: of_own(paths, line)), self.show)

        self.app.push_screen(ask, start)

    # -- saving and training ----------------------------------------------------------------

    def _ready(self) -> Judged | None:
        """Give the verdict on the draft as it is; says why there is none to go on with."""
        judged = self.judged
        if self.draft is None or self.busy:
            return None
        if self.is_editing:
            words = "a line is open: {draft-line.set} takes it, {draft-line.cancel} drops it"
            self.tell(with_keys(words))
            return None
        if judged is None or judged.draft is not self.draft:
            self.tell("its design is being judged: press it again")
            return None
        if not judged.is_good:
            first = next(iter(judged.problems), None)
            told = f"{first.path}: {problem_text(first)}" if first is not None else judged.trouble
            self.tell(f"not a study yet: {told}", alarm=True)
            return None
        return judged

    def action_file(self) -> None:
        """Show the file, and write it if wanted."""
        from labtui.tui.drafts.judged import file_of, save

        judged = self._ready()
        if judged is None:
            return
        file = file_of(judged.draft.name)

        def written(answer: str | None) -> None:
            if answer is not None:
                self.do("writing…", lambda: save(judged), lambda _: self._is_saved(judged))

        detail = "It is written over no other file; `labtui run` trains it later."
        self.app.push_screen(FileScreen(f"Write {clean(str(file))}?", detail, judged.text), written)

    def _is_saved(self, judged: Judged) -> None:
        from labtui.tui.drafts.judged import file_of

        self.saved = judged.draft
        self.show_draft()
        self.tell(f"{file_of(judged.draft.name)}: written; {key_of('new.run')} trains it")

    def action_run(self) -> None:
        """Show the file, ask once, and have it trained."""
        from labtui.tui.drafts.judged import file_of, train

        judged, begun = self._ready(), self.begun
        if judged is None or begun is None or judged.plan is None:
            return
        paths = self.reader.paths

        def begin_it(answer: str | None) -> None:
            if answer is not None:
                self.do(
                    f"handing {judged.draft.name} to the runner…",
                    lambda: train(paths, begun, judged, force=answer == FORCE),
                    self._opened,
                )

        refused, final = new_text.refusal(judged)
        already = begun.parent.total if judged.draft.extends and begun.parent else 0
        screen = FileScreen(
            new_text.question(judged, already),
            new_text.cost(judged, file_of(judged.draft.name)),
            judged.text,
            refused=refused,
            final=final,
        )
        self.app.push_screen(screen, begin_it)

    def _opened(self, name: str) -> None:
        self.saved = self.draft
        self.open_study(name)

    # -- leaving ----------------------------------------------------------------------------

    def ask_to_leave(self) -> bool:
        """Ask before a draft is lost; false where there is nothing to lose."""
        if self.has_class("-stuck") or not self.is_changed:
            return False
        ask = AskScreen(
            "Leave without saving this study?",
            with_keys(
                "{ask.yes} leaves, and the draft is gone · {ask.no} stays; {new.file} writes it "
                "into a file"
            ),
        )

        def leave(answer: str | None) -> None:
            if answer is not None:
                self.app.pop_screen()

        self.app.push_screen(ask, leave)
        return True

    def step_back(self) -> bool:
        """Close the card, or the choice of another workload, or ask before a draft is lost."""
        if self.has_class("-stuck") and (self.draft or self.query_one("#choices", Table).rows):
            self.remove_class("-stuck")
            self.settle_focus()
            return True
        if self.has_class("-choosing") and self.draft is not None:
            self.remove_class("-choosing")
            self.show_draft()
            self.query_one("#space").focus()
            return True
        return self.ask_to_leave()


def is_own_line(line: str) -> str:
    """Say what is wrong with a line about a person's own trainer; empty for nothing."""
    from labtui.verdicts.scaffolding import is_own

    trainer, *params = line.split() or [""]
    if not is_own(trainer):
        return f"found {trainer!r}; expected python:, script: or command: with what it runs"
    wrong = next((one for one in params if not one.partition("=")[2]), None)
    if wrong is not None or not params:
        return f"found {wrong or 'no hyperparameter'}; expected name=value, as learning_rate=0.1"
    return ""
