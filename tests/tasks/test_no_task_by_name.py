"""Nobody above the tasks compares a task's name: what a room needs of a task, it asks the task."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from runner import registry
from tests.conftest import ROOT

ABOVE = ("cli", "evaluation", "execution", "inference", "tracking", "runs", "spec", "pages")
NAMES = {registry.task(kind).name for kind in registry.built_in()}


@pytest.mark.parametrize("path", [p for room in ABOVE for p in sorted((ROOT / "runner" / room).rglob("*.py"))], ids=str)
def test_no_module_above_the_tasks_compares_or_looks_up_a_tasks_name(path: Path):
    tree = ast.parse(path.read_text())
    found = []
    for node in ast.walk(tree):
        # Compared with, matched against, or a key of a table: a word in a sentence is none of these.
        if isinstance(node, ast.Compare):
            words = [node.left, *node.comparators]
        elif isinstance(node, ast.Dict):
            words = [key for key in node.keys if key is not None]
        elif isinstance(node, ast.MatchValue):
            words = [node.value]
        elif isinstance(node, ast.Subscript):
            # A field's one value is a word of a document, whatever else it names.
            words = [] if isinstance(node.value, ast.Name) and node.value.id == "Literal" else [node.slice]
        else:
            continue
        flat = [
            inner
            for word in words
            for inner in (word.elts if isinstance(word, ast.Tuple | ast.Set | ast.List) else [word])
        ]
        found += [word.lineno for word in flat if isinstance(word, ast.Constant) and word.value in NAMES]
    assert found == [], f"{path}: lines {found} know a task by its name"
