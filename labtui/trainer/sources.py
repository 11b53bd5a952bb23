"""Which of the user's own files this process trains with, by the bytes that were compiled."""

from __future__ import annotations

import hashlib
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Dict, Optional, Sequence, Tuple

_hashes: Dict[str, str] = {}
_scans: Dict[str, Tuple[int, Dict[str, str]]] = {}


def sources(folder: str) -> Dict[str, str]:
    """Hash the user's own modules as imported: path relative to `folder` → SHA-256.

    Only files below `folder` count, and not those of an environment installed there.
    """
    loaded = len(sys.modules)
    if _scans.get(folder, (0, {}))[0] == loaded:
        return _scans[folder][1]
    root = os.path.realpath(folder) + os.sep
    found: Dict[str, str] = {}
    for module in list(sys.modules.values()):
        path = getattr(module, "__dict__", {}).get("__file__")  # some modules answer to any name
        if not isinstance(path, str) or not path.endswith(".py") or not os.path.isabs(path):
            continue
        path = os.path.realpath(path)
        if not path.startswith(root) or "site-packages" in path:
            continue
        digest = vars(module).get("__labtui_sha256__") or _hash(path)
        if digest:
            found[path[len(root) :].replace(os.sep, "/")] = digest
    _scans[folder] = (loaded, found)
    return found


class _HashingLoader(SourceFileLoader):
    """Compiles the very bytes it hashed: a file edited meanwhile is known as what was trained."""

    def get_code(self, fullname: str) -> Optional[CodeType]:
        path = self.get_filename(fullname)
        data = self.get_data(path)
        _hashes[os.path.realpath(path)] = hashlib.sha256(data).hexdigest()
        return self.source_to_code(data, path)


class _UsersModules(MetaPathFinder):
    """Finds what Python would find, and has the user's own modules loaded by hash."""

    def __init__(self, folder: str) -> None:
        self._root = os.path.realpath(folder) + os.sep

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or type(spec.loader) is not SourceFileLoader:
            return None
        file = os.path.realpath(spec.loader.path)
        if not file.startswith(self._root) or "site-packages" in file:
            return None
        spec.loader = _HashingLoader(spec.loader.name, spec.loader.path)
        return spec


def _hash(path: str) -> str:
    """Hash a file, once: what was imported first is what this process trains with."""
    if path not in _hashes:
        try:
            with open(path, "rb") as file:
                _hashes[path] = hashlib.sha256(file.read()).hexdigest()
        except OSError:
            return ""
    return _hashes[path]


def watch_imports(folder: str) -> None:
    """Have modules below `folder` loaded by hash from here on."""
    sys.meta_path.insert(sys.meta_path.index(PathFinder), _UsersModules(folder))
