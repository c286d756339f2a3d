"""What families and kinds are, in a line each, read from their sources: to list forty kinds imports none of them."""

from __future__ import annotations

import ast
import importlib.util
from functools import cache
from pathlib import Path

from runner import registry


def families() -> dict[str, list[str]]:
    """The families there are, each with its kinds."""
    found: dict[str, list[str]] = {}
    for kind in registry.kinds().values():
        found.setdefault(kind.family, []).append(kind.name)
    return dict(sorted(found.items()))


def about_kind(name: str) -> str:
    """The first sentence of a kind's text; "" for one without."""
    kind = registry.find(name)
    return "" if kind is None else _first_line(kind.module)


def about_family(name: str) -> str:
    """The first sentence of a family's text, or the names of its kinds."""
    kinds = families().get(name, [])
    module = registry.kinds()[kinds[0]].module if kinds else ""
    package = module.rpartition(".")[0]
    return (_first_line(package) if package.endswith("." + name) else "") or ", ".join(kinds)


@cache
def _first_line(module: str) -> str:
    try:
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            return ""
        text = ast.get_docstring(ast.parse(Path(spec.origin).read_text("utf-8"))) or ""
    except (ImportError, ValueError, OSError, SyntaxError):
        return ""
    return " ".join(text.partition("\n\n")[0].split())
