"""Finding what a request speaks of, and declining it."""

from __future__ import annotations

import difflib

from labtui.store.writer import Writer


class Refused(Exception):
    """A request cannot be carried out; the message says why and what to do."""

    def __init__(self, message: str, code: int = 2) -> None:
        """Remember the exit code the asker should end with."""
        super().__init__(message)
        self.code = code


def find_study(writer: Writer, name: str) -> int:
    """Give the id of a study.

    Raises:
        Refused: The lab holds none of that name.
    """
    return _named(writer, "studies", "study", name, "`labtui list` shows what there is")


def _named(writer: Writer, table: str, what: str, name: str, hint: str) -> int:
    known = dict(writer.connection.execute(f"SELECT name, id FROM {table}").fetchall())
    if name in known:
        return int(known[name])
    near = difflib.get_close_matches(name, list(known), n=1)
    guess = f" — did you mean {near[0]!r}?" if near else ""
    raise Refused(f"no {what} {name!r} in this lab{guess}; {hint}")


def find_subject(writer: Writer, reference: str) -> tuple[int | None, int | None]:
    """Give (study, None) for a study's name, else (None, trial) for ``study/17`` or a trial's id.

    Raises:
        Refused: The lab holds neither.
    """
    study = writer.connection.execute("SELECT id FROM studies WHERE name = ?", (reference,))
    row = study.fetchone()
    if row is not None:
        return int(row[0]), None
    name, slash, number = reference.rpartition("/")
    if slash and number.isdecimal():
        row = writer.connection.execute(
            "SELECT t.id FROM trials t JOIN studies s ON s.id = t.study "
            "WHERE s.name = ? AND t.number = ?",
            (name, int(number)),
        ).fetchone()
    elif reference.isdecimal():
        row = writer.connection.execute(
            "SELECT id FROM trials WHERE id = ?", (int(reference),)
        ).fetchone()
    return (None, int(row[0])) if row else (find_study(writer, reference), None)


def find_workload(writer: Writer, name: str) -> int:
    """Give the id of a workload.

    Raises:
        Refused: The lab holds none of that name.
    """
    return _named(writer, "workloads", "workload", name, "a study or a probe makes one")
