"""The workloads on the screen of the lab, read when they are looked at."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial

from textual import on, work

from labtui.tui.background import in_background
from labtui.tui.lab import columns
from labtui.tui.lab.workload_rows import WorkloadRow, read_workloads
from labtui.tui.reader import Reader
from labtui.tui.screens.deciding import announce, problem
from labtui.tui.screens.remarks import RemarkingScreen
from labtui.tui.widgets.table import Table


class WorkloadsScreen(RemarkingScreen):
    """A screen with a table of workloads, whose cards are read as often as they change."""

    def __init__(self, reader: Reader) -> None:
        """Begin with none read."""
        super().__init__(reader)
        self._stamp: object = None
        self._read_at: object = None
        self._reading = False

    @property
    def workloads(self) -> Table[WorkloadRow]:
        """Their table."""
        return self.query_one("#workloads", Table)

    @property
    def reads_workloads(self) -> bool:
        """Whether they are still to be read."""
        return self._reading or self._read_at is None

    @property
    @abstractmethod
    def room(self) -> int:
        """Columns of the table."""

    @abstractmethod
    def tell_about(self) -> None:
        """Tell of the row under the cursor."""

    def look_at_workloads(self, stamp: object) -> None:
        """Read them where the lab has changed since; `stamp` tells one state of it from another."""
        self._stamp = stamp
        if stamp != self._read_at and not self._reading:
            self._read_workloads()

    def open_workload(self, name: str) -> None:
        """Show what is known of one."""
        from labtui.tui.screens.workload import WorkloadScreen

        self.app.push_screen(WorkloadScreen(self.reader, name))

    @on(Table.Opened, "#workloads")
    def _opened_workload(self, message: Table.Opened) -> None:
        self.open_workload(str(message.key))

    @work(group="workloads", exit_on_error=False)
    async def _read_workloads(self) -> None:
        """Read the cards on a thread, until nothing has changed meanwhile."""
        self._reading = True
        try:
            while self._stamp != self._read_at:
                stamp = self._stamp
                rows = await in_background(partial(read_workloads, self.reader.paths))
                self._read_at = stamp
                self.workloads.set_columns(columns.workloads(self.room, rows), sort="name")
                self.workloads.show(rows)
                self.tell_about()
        except Exception as error:  # said; tried again with the next change
            self._read_at = self._stamp
            announce(self, f"the workloads cannot be read: {problem(error)}", alarm=True)
        finally:
            self._reading = False
            self.tell_about()
