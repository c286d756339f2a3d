"""The page of every model type is what its module and its schema say."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from runner import registry
from tests.docs.documents import ROOT

KINDS = sorted(registry.built_in())


@pytest.mark.slow
@pytest.mark.warm
def test_the_pages_are_those_that_the_code_makes():
    done = subprocess.run([sys.executable, ROOT / "docs" / "build.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_type_says_how_it_works_when_to_use_it_and_where_it_comes_from(kind):
    paragraphs = (inspect.getdoc(import_module(registry.built_in()[kind].module)) or "").split("\n\n")
    assert not paragraphs[0].endswith(":"), "the first line is the summary"
    assert any(part.startswith("Use it when") for part in paragraphs)
    assert any(part.startswith("Source:") for part in paragraphs)
