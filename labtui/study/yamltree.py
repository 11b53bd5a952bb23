"""A study file's YAML 1.2 as plain values that remember their lines; nothing in it can run (S1).

Plain words follow the core schema: `1e-3` is a number, `no` is a word. Tags, several documents,
duplicate keys and more than `MAX_NODES` nodes (aliases counted as what they stand for) are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from labtui.study.errors import Problem, StudyError, display

MAX_NODES = 10_000
"""Most values in a study file, aliases counted as what they stand for."""
MAX_DEPTH = 50
"""Deepest nesting of a study file."""

Location = Sequence[str | int]
"""The keys and indices that lead from the top of the file to a value."""

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"([-+]?)\.(inf|Inf|INF|nan|NaN|NAN)")
_SURPRISES = (
    (re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?"), "is a word here"),
    (re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"), "is a word here"),
    (re.compile(r"0b[01_]+"), "is a word here"),
    (re.compile(r"0o[0-7]+"), "is an octal number"),
)
_SURROGATE_OR_NUL = re.compile("[\0\ud800-\udfff]")


@dataclass
class Node:
    """A value of the file: a mapping, a list or a scalar, with its place (from 1)."""

    line: int
    column: int
    value: Any = None
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    size: int = 1

    def plain(self) -> Any:
        """Return the value as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value


@dataclass
class Tree:
    """A file that was read: its values, and what was already wrong with them."""

    file: str
    root: Node
    problems: list[Problem]

    def find(self, location: Location) -> tuple[Node, str, tuple[int, int], bool]:
        """Follow a location as far as the file goes.

        An index into what the file wrote as one mapping is passed over, and so are steps that
        are not in the file.

        Returns:
            The node, its path in words, the place of its key, whether it is the very one.
        """
        node, path, exact = self.root, "", True
        key_place = (node.line, node.column)
        for step in location:
            child = _child(node, step)
            exact = child is not None or (
                isinstance(step, int) and not isinstance(node.value, list)
            )
            if child is not None:
                key_place = node.keys.get(str(step), (child.line, child.column))
                node = child
                path += f"[{step}]" if isinstance(step, int) else f".{step}"
            elif isinstance(step, str) and isinstance(node.value, dict):
                path += f".{step}"
        return node, path.removeprefix("."), key_place, exact

    def problem(
        self,
        location: Location,
        expected: str,
        found: str | None = None,
        nearest: str | None = None,
        *,
        at_key: bool = False,
    ) -> Problem:
        """Return a problem placed at a value or at its key; `found` defaults to the value."""
        node, path, key_place, exact = self.find(location)
        line, column = key_place if at_key else (node.line, node.column)
        if found is None:
            found = display(node.plain()) if exact else "nothing"
        return Problem(self.file, line, column, path, found, expected, nearest)


def _child(node: Node, step: str | int) -> Node | None:
    if isinstance(node.value, dict):
        child: Node | None = node.value.get(step)
        return child
    if isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        item: Node = node.value[step]
        return item
    return None


def read_tree(text: str, file: str) -> Tree:
    """Read one YAML document.

    Raises:
        StudyError: The text is not YAML, or YAML of a kind that a study does not use.
    """
    reader = _Reader(file)
    try:
        root = reader.document(text)
    except StudyError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise reader.fatal(place, *_explain(error, text, place)) from None
    except (YAMLError, ValueError, IndexError, AssertionError) as error:
        raise reader.fatal((1, 1), display(str(error)), "YAML 1.2") from None
    return Tree(file, root, reader.problems)


def _explain(error: MarkedYAMLError, text: str, place: tuple[int, int]) -> tuple[str, str]:
    lines = text.splitlines()
    line = lines[place[0] - 1] if place[0] <= len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent or line[place[1] - 1 : place[1]] == "\t":
        return "a tab", "spaces (YAML does not indent with tabs)"
    told = "; ".join(part for part in (error.context, error.problem) if part)
    return f"broken YAML ({display(told)[1:-1]})", "a key, a colon and a value"


class _Reader:
    """Builds the tree from parser events, counting as it goes."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node | None] = {}
        self.nodes = 0
        self.path: list[str] = []
        self.events: Iterator[Any] = iter(())

    def fatal(self, place: tuple[int, int], found: str, expected: str) -> StudyError:
        self.note(place, found, expected)
        return StudyError(self.problems)

    def note(self, place: tuple[int, int], found: str, expected: str) -> None:
        path = "".join(self.path).removeprefix(".")
        self.problems.append(Problem(self.file, *place, path, found, expected))

    def document(self, text: str) -> Node:
        self.events = YAML(typ="safe", pure=True).parse(text)
        root: Node | None = None
        for event in self.events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                if root is not None:
                    raise self.fatal(_place(event), "a second document ('---')", "one study a file")
                root = self.node(next(self.events), 0)
        if root is None or root.value is None:
            raise self.fatal((1, 1), "an empty study", "keys such as 'study' (see `labtui init`)")
        if not isinstance(root.value, dict):
            expected = "a mapping: keys such as 'study', each with a value"
            raise self.fatal((root.line, root.column), display(root.plain()), expected)
        return root

    def node(self, event: Any, depth: int) -> Node:
        place = _place(event)
        if type(event).__name__ == "AliasEvent":
            return self.alias(event, place)
        if event.tag is not None:
            raise self.fatal(
                place, f"the tag {display(str(event.tag))}", "no tag: YAML tags are not allowed"
            )
        if depth > MAX_DEPTH:
            raise self.fatal(place, f"more than {MAX_DEPTH} levels", "fewer")
        self.count(1, place)
        if event.anchor:
            self.anchors[event.anchor] = None
        node = Node(*place)
        match type(event).__name__:
            case "ScalarEvent":
                node.value = self.scalar(event, place)
            case "SequenceStartEvent":
                self.sequence(node, depth)
            case _:
                self.mapping(node, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def count(self, size: int, place: tuple[int, int]) -> None:
        self.nodes += size
        if self.nodes > MAX_NODES:
            raise self.fatal(place, f"more than {MAX_NODES} values (aliases written out)", "fewer")

    def alias(self, event: Any, place: tuple[int, int]) -> Node:
        target = self.anchors.get(event.anchor)
        if target is None:
            found = f"the alias {display(event.anchor)} of nothing that is complete above it"
            raise self.fatal(place, found, "an anchor ('&') above it")
        self.count(target.size, place)
        return target

    def sequence(self, node: Node, depth: int) -> None:
        node.value = []
        while type(event := next(self.events)).__name__ != "SequenceEndEvent":
            self.path.append(f"[{len(node.value)}]")
            child = self.node(event, depth + 1)
            self.path.pop()
            node.value.append(child)
            node.size += child.size

    def mapping(self, node: Node, depth: int) -> None:
        node.value = {}
        while type(event := next(self.events)).__name__ != "MappingEndEvent":
            place = _place(event)
            key = self.key(event, place)
            self.path.append(f".{key}")
            child = self.node(next(self.events), depth + 1)
            node.size += child.size + 1
            if key in node.keys:
                found = f"a second {display(key)} (the first is on line {node.keys[key][0]})"
                self.note(place, found, "every key once")
            else:
                node.keys[key], node.value[key] = place, child
            self.path.pop()

    def key(self, event: Any, place: tuple[int, int]) -> str:
        if type(event).__name__ != "ScalarEvent" or event.tag is not None or event.anchor:
            raise self.fatal(place, "a key that is not plain text", "a name")
        self.count(1, place)
        return self.text(event.value, place)

    def text(self, text: str, place: tuple[int, int]) -> str:
        """Join the halves of a character that was escaped as in JSON, and refuse what is none."""
        if _SURROGATE_OR_NUL.search(text):
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        if bad := _SURROGATE_OR_NUL.search(text):
            raise self.fatal(place, f"the character U+{ord(bad[0]):04X} in {display(text)}", "text")
        return text

    def scalar(self, event: Any, place: tuple[int, int]) -> Any:
        text = self.text(event.value, place)
        if not event.implicit[0]:
            return text
        for pattern, meaning in _SURPRISES:
            if pattern.fullmatch(text):
                found = f"{display(text)[1:-1]}, which {meaning}"
                expected = "a decimal number without '_' or ':', or quotes around a word"
                self.note(place, found, expected)
        try:
            return plain_scalar(text)
        except ValueError:
            raise self.fatal(place, f"a number of {len(text)} digits", "a shorter one") from None


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def plain_scalar(text: str) -> str | int | float | bool | None:
    """Return what an unquoted word means in YAML 1.2's core schema.

    Raises:
        ValueError: A whole number of thousands of digits.
    """
    if text in _WORDS:
        word: bool | None = _WORDS[text]
        return word
    if _INTEGER.fullmatch(text):
        return int(text)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _NOT_FINITE.fullmatch(text):
        return float(match[1] + match[2])
    return text
