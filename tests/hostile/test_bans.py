"""What no module of labtui may call: whatever makes a program of data (S1, S2)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml"}
CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {"os.system", "os.popen", "os.execlp", "torch.load", "numpy.load", "np.load", "yaml.load"}
OPTIONS = ("shell", "allow_pickle", "weights_only")

ALLOWED = {
    ("labtui/tui/judging.py", "import pickle"): "what a process of our own answers by its pipe",
    ("labtui/verdicts/brief.py", "import pickle"): "that process: it writes, and reads none",
    ("trainers/labtui_python/script.py", "exec"): "the script that the person named as trainer",
    ("trainers/labtui_python/files.py", "compile"): "the same",
    ("trainers/labtui_python/train.py", "exec"): "the file that the person named as trainer",
}
"""Where one of them is used, and why nothing of a lab, an import or a study file gets there."""


def used(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((f"import {name.name}", node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"import {node.module}", node.lineno
        elif isinstance(node, ast.Call):
            yield from called(node)


def called(node: ast.Call) -> Iterator[tuple[str, int]]:
    name = dotted(node.func)
    options = {
        option.arg: ast.unparse(option.value) for option in node.keywords if option.arg in OPTIONS
    }
    if options.get("shell", "False") != "False":
        yield "shell=True", node.lineno
    if options.get("allow_pickle", "False") != "False":
        yield "allow_pickle=True", node.lineno
    if name in ("torch.load",) and options.get("weights_only") == "True":
        return
    if name in ("np.load", "numpy.load") and options.get("allow_pickle") == "False":
        return
    yield name, node.lineno


def dotted(node: ast.expr) -> str:
    """Give the name that is called: ``os.system``; what is computed is ``…``."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else "…"


def is_banned(name: str) -> bool:
    return (
        name in CALLS
        or name in METHODS
        or name in ("shell=True", "allow_pickle=True")
        or (name.startswith("import ") and name.split()[1].split(".")[0] in MODULES)
        or (
            name.endswith((".enable_load_extension", ".load_extension", ".extractall", ".unpack"))
            and not name.startswith(("struct.", "_", "HEADER.", "FOOTER."))
        )
    )


def found() -> dict[tuple[str, str], int]:
    places = {}
    for folder in ("labtui", "trainers"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            for name, line in used(tree):
                if is_banned(name):
                    places[path.relative_to(ROOT).as_posix(), name] = line
    return places


def test_nothing_makes_a_program_of_data():
    places = found()
    assert {place: line for place, line in places.items() if place not in ALLOWED} == {}
    assert [place for place in ALLOWED if place not in places] == []


def test_the_ban_sees_what_it_forbids():
    text = (
        "import pickle\nimport yaml.loader\nfrom marshal import loads\neval('1')\nos.system('x')\n"
        "subprocess.run('x', shell=True)\nnp.load(f)\nnp.load(f, allow_pickle=True)\n"
        "torch.load(f)\ntorch.load(f, weights_only=False)\narchive.extractall('.')\nexec(code)\n"
        "torch.load(f, weights_only=True)\nnp.load(f, allow_pickle=False)\nmodel.eval()\n"
        "subprocess.run(['x'])\n"
    )
    lines = {line for name, line in used(ast.parse(text)) if is_banned(name)}
    assert lines == set(range(1, 13))
