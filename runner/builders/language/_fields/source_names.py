"""What a file of Python has by name, told by reading it: nothing of it is run."""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Iterator
from importlib.util import decode_source
from pathlib import Path

#: A file that uses one of these may have names that nothing in its text says.
MAKE_NAMES = frozenset({"exec", "globals", "locals", "setattr", "vars", "__getattr__"})


class Unreadable(Exception):
    """A text that is no Python; the message has its line."""


def names_in(path: Path) -> set[str] | None:
    """The names that a file has once it has been run; None where its text alone does not tell.

    Raises :class:`Unreadable` for a text that Python does not take.
    """
    source = path.read_bytes()
    try:
        with warnings.catch_warnings():
            # What is odd about it is told where it is run.
            warnings.simplefilter("ignore")
            tree = ast.parse(source, str(path))
            compile(tree, str(path), "exec")
            table = symtable.symtable(decode_source(source), str(path), "exec")
    except SyntaxError as error:
        raise Unreadable(f"{path}:{error.lineno or 1}: SyntaxError: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f"{path}: {type(error).__name__}: {error}") from None
    if any(_hides_names(node) for node in ast.walk(tree)):
        return None
    return set(_bound(table, top=True))


def _hides_names(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return any(alias.name == "*" for alias in node.names)
    name = node.id if isinstance(node, ast.Name) else node.name if isinstance(node, ast.FunctionDef) else None
    return name in MAKE_NAMES


def _bound(table: symtable.SymbolTable, *, top: bool) -> Iterator[str]:
    """Names that are given a value at the top, or as ``global`` further in."""
    for symbol in table.get_symbols():
        if (top or symbol.is_declared_global()) and (symbol.is_assigned() or symbol.is_imported()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _bound(inner, top=False)
