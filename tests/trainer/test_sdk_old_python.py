"""The SDK and the trainers run in the user's own environment, from Python 3.9 on."""

import ast
import builtins
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    path
    for folder in ("labtui/trainer", "trainers")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_syntax_is_that_of_python_3_9(path):
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 9))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    postponed = any(
        node.module == "__future__" and node.names[0].name == "annotations" for node in imports
    )
    annotated = any(
        isinstance(node, ast.AnnAssign)
        or (isinstance(node, ast.FunctionDef) and (node.returns or node.args.args))
        for node in ast.walk(tree)
    )
    assert postponed or not annotated


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_union_with_a_bar_is_evaluated(path):
    """`X | Y` between types is fine in a postponed annotation, and an error anywhere else."""
    tree = ast.parse(path.read_text("utf-8"))
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        for outer in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if outer is not None
        for inner in ast.walk(outer)
    }
    types = {name for name, value in vars(builtins).items() if isinstance(value, type)} | {"None"}
    for node in ast.walk(tree):
        union = isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)
        if union and id(node) not in hidden:
            sides = {ast.unparse(side) for side in (node.left, node.right)}
            assert not sides & types, f"line {node.lineno}: {ast.unparse(node)}"


def test_the_sdk_needs_nothing_but_the_standard_library():
    for path in (ROOT / "labtui" / "trainer").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                top = name.split(".")[0]
                assert top in sys.stdlib_module_names or name.startswith("labtui.trainer")
