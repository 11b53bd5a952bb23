"""HTML that is safe by construction: text is cleaned and escaped unless it is markup already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from labtui.verdicts.text import clean

_VOID = frozenset({"meta", "br", "hr"})


class Markup(str):
    """Text that is HTML already; everything else is escaped where it is put in."""

    __slots__ = ()


def markup(*parts: str) -> Markup:
    """Join parts, cleaning and escaping those that are not markup."""
    return Markup(
        "".join(part if isinstance(part, Markup) else escape(clean(part)) for part in parts)
    )


def tag(name: str, *content: str, **attributes: str) -> Markup:
    """Write an element.

    Args:
        name: Of the element.
        content: Markup, or text that is cleaned and escaped here.
        attributes: An underscore in a name stands for a hyphen, one at its end is dropped; empty
            ones are left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(clean(value))}"'
        for key, value in attributes.items()
        if value
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{markup(*content)}</{name}>\n")


def fields(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Write named values; those that are empty are left out."""
    rows = [tag("dt", name) + tag("dd", value) for name, value in pairs if value]
    return tag("dl", Markup("".join(rows)))


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: str = "") -> Markup:
    """Write a table that scrolls by itself where it is wider than the page.

    Args:
        headers: Names of the columns.
        rows: Cells, text or markup.
        right: Space-separated names of the columns of numbers.
    """
    sides = ["n" if name in right.split() else "" for name in headers]
    head = [
        tag("th", name, class_=side, scope="col") for name, side in zip(headers, sides, strict=True)
    ]
    body = [
        tag("tr", *(tag("td", cell, class_=side) for cell, side in zip(row, sides, strict=True)))
        for row in rows
    ]
    whole = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body))
    return tag("div", whole, class_="scroll", tabindex="0")


def items(lines: Iterable[str]) -> Markup:
    """Write a list."""
    return tag("ul", *(tag("li", line) for line in lines))


def folded(summary: str, *content: str) -> Markup:
    """Write what a reader can unfold, without a script."""
    return tag("details", tag("summary", summary), *content)
