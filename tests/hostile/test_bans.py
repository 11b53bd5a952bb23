"""What no module of labtui may call: whatever makes a program of data (S1, S2)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml"}
CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {
    *(f"builtins.{name}" for name in CALLS),
    *("os.system", "os.popen", "runpy.run_path", "runpy.run_module", "code.interact"),
    *("torch.load", "numpy.load", "mlx.core.load", "yaml.load", "ctypes.CDLL", "ctypes.PyDLL"),
}
FAMILIES = ("os.exec", "os.spawn", "os.posix_spawn")
"""Of these all: ``os.execlp``, ``os.spawnv`` …"""
OPTIONS = ("shell", "allow_pickle", "weights_only", "format", "typ")
SAFE = {
    "torch.load": ("weights_only", "True"),
    "numpy.load": ("allow_pickle", "False"),
    "mlx.core.load": ("format", "'safetensors'"),
}
"""The option with which a call reads data alone."""

LIBC = "the C library that this process has already (a path of None), for one call of it"
ALLOWED = {
    ("labtui/engine/guard.py", "ctypes.CDLL"): LIBC,
    ("labtui/store/filesystem.py", "ctypes.CDLL"): LIBC,
    ("labtui/trainer/bootstrap.py", "ctypes.CDLL"): LIBC,
    ("labtui/engine/guard.py", "os.posix_spawn"): "a list of arguments: no shell reads them",
    ("trainers/labtui_command/process.py", "os.posix_spawn"): "the same",
    ("labtui/tui/judging.py", "import pickle"): "what a process of our own answers by its pipe",
    ("labtui/verdicts/brief.py", "import pickle"): "that process: it writes, and reads none",
    ("trainers/labtui_python/script.py", "exec"): "the script that the person named as trainer",
    ("trainers/labtui_python/files.py", "compile"): "the same",
    ("trainers/labtui_python/train.py", "exec"): "the file that the person named as trainer",
}
"""Where one of them is used, and why nothing of a lab, an import or a study file gets there."""


def used(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Give what a module imports and calls, by its full name whatever it is called there."""
    known = aliases(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((f"import {name.name}", node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"import {node.module}", node.lineno
            for name in node.names:  # it may be handed on, and called elsewhere
                yield f"from {node.module}.{name.name}", node.lineno
        elif isinstance(node, ast.Call):
            yield from called(node, known)


def aliases(tree: ast.Module) -> dict[str, str]:
    """Give the names that imports make: ``np`` is ``numpy``, ``load`` is ``torch.load``."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update({one.asname: one.name for one in node.names if one.asname})
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.update(
                {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
            )
    return found


def called(node: ast.Call, known: dict[str, str]) -> Iterator[tuple[str, int]]:
    name = dotted(node.func, known)
    options = {
        option.arg: ast.unparse(option.value) for option in node.keywords if option.arg in OPTIONS
    }
    if options.get("shell", "False") != "False":
        yield "shell=True", node.lineno
    if options.get("allow_pickle", "False") != "False":
        yield "allow_pickle=True", node.lineno
    if name.endswith("YAML") and options.get("typ", "'safe'") == "'unsafe'":
        yield "typ='unsafe'", node.lineno
    option, value = SAFE.get(name, ("", ""))
    if option and options.get(option) == value:
        return
    yield name, node.lineno


def dotted(node: ast.expr, known: dict[str, str]) -> str:
    """Give the full name that is called: ``os.system``; what is computed is ``…``."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, known)}.{node.attr}"
    match node:
        case ast.Call(func=ast.Name("getattr"), args=[of, ast.Constant(str(name)), *_]):
            return f"{dotted(of, known)}.{name}"
    return "…"


def is_banned(name: str) -> bool:
    return (
        name in CALLS
        or name.removeprefix("from ") in METHODS
        or name.removeprefix("from ").startswith(FAMILIES)
        or name in ("shell=True", "allow_pickle=True", "typ='unsafe'")
        or (name.startswith("import ") and name.split()[1].split(".")[0] in MODULES)
        or (
            name.endswith((".enable_load_extension", ".load_extension", ".extractall", ".unpack"))
            and not name.startswith(("struct.", "_"))
            and name.split(".")[-2] not in ("HEADER", "FOOTER")  # of a struct, in eventfile.py
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


FORBIDDEN = """\
import pickle
import yaml.loader
from marshal import loads
eval('1')
os.system('x')
subprocess.run('x', shell=True)
numpy.load(f)
numpy.load(f, allow_pickle=True)
torch.load(f)
torch.load(f, weights_only=False)
archive.extractall('.')
exec(code)
from os import system
from torch import load as read
import numpy as np; np.load(f)
import mlx.core as mx; mx.load(f)
mx.load(f, format='npz')
import os as o; o.execvp('x', [])
getattr(os, 'popen')('x')
import builtins as b; b.exec('x')
YAML(typ='unsafe')
system('x')
"""
ALLOWED_CALLS = """\
import numpy as np
import mlx.core as mx
torch.load(f, weights_only=True)
np.load(f, allow_pickle=False)
mx.load(f, format='safetensors')
model.eval()
subprocess.run(['x'])
json.load(f)
YAML(typ='safe')
"""


def test_the_ban_sees_what_it_forbids():
    lines = {line for name, line in used(ast.parse(FORBIDDEN)) if is_banned(name)}
    assert lines == set(range(1, len(FORBIDDEN.splitlines()) + 1))
    assert not [name for name, _ in used(ast.parse(ALLOWED_CALLS)) if is_banned(name)]
