"""The pages of the documentation, and what is written in them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def text(name):
    return (ROOT / name).read_text("utf-8")


def section(page, heading):
    """What stands under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", page, re.M | re.S)
    assert found, f"no heading {heading!r}"
    return found[1]


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.M | re.S)


def rows(part):
    """The cells of the tables of a part, without their heads."""
    lines = [line for line in part.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    rules = {i for i, line in enumerate(lines) if set(line) <= set("|- ")}
    return [row for i, row in enumerate(cells) if i not in rules and i + 1 not in rules]


def names(part):
    """Everything between backticks in the first column of the tables of a part."""
    return [name for row in rows(part) for name in re.findall(r"`([^`]+)`", row[0])]
