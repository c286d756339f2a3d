"""Whether the modules are there that a file of Python imports when it is run. They are looked for: none is imported."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

#: What of ``sys`` says where modules are.
MOVES = frozenset({"path", "meta_path", "path_hooks", "modules"})


def missing(path: Path, folder: Path) -> Iterator[tuple[int, str]]:
    """Line and module of each import that a run of the file in ``folder`` cannot do, where its text tells.

    What it imports under a condition, in a ``try`` or within a function says nothing; nor does a file that changes
    where modules are looked for.
    """
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        # Told by who reads it.
        return
    if any(map(_moves_modules, ast.walk(tree))):
        return
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if not is_there(_package(alias.name), folder))
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            if node.level or not is_there(_package(name), folder):
                yield node.lineno, name


def is_there(name: str, folder: Path) -> bool:
    """Whether a module is found, of this Python or in ``folder``, where a run has its own. Of a package's the outermost
    packages are looked for one after the other."""
    first, *others = name.split(".")
    if name in sys.modules:
        return True
    try:
        found = importlib.util.find_spec(first) or PathFinder.find_spec(first, [str(folder)])
    except (ImportError, ValueError):
        return first in sys.modules
    for at in range(len(others)):
        if found is None or found.submodule_search_locations is None:
            return False
        whole = ".".join([first, *others[: at + 1]])
        found = PathFinder.find_spec(whole, list(found.submodule_search_locations))
    return found is not None


def _moves_modules(node: ast.AST) -> bool:
    """Whether it has to do with ``sys.path`` and the like."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "sys" and any(alias.name in MOVES for alias in node.names)
    return isinstance(node, ast.Attribute) and node.attr in MOVES and ast.unparse(node.value) == "sys"


def _package(name: str) -> str:
    """The outermost: what a package has within may be made as it is imported."""
    return name.partition(".")[0]
