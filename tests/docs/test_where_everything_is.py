"""The table of what is done with language models: what it names is there, and is run by a test."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.documents import ROOT, table
from tests.examples import KINDS

PAGE = ROOT / "docs" / "language_models.md"


def test_every_feature_has_a_spec_or_a_program_that_a_test_runs():
    rows = table(PAGE, "Feature")
    assert len(rows) == 11
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for feature, _, tried, page in rows:
        assert page, feature
        named = [Path(name) for name in re.findall(r"`([^`]+)`", tried)]
        assert named, feature
        for path in named:
            assert (ROOT / path).is_file(), path
            # Every kind's own example is trained and asked by tests/conformance.
            ours = path.parent == Path("specs") and path.stem in KINDS
            assert ours or re.search(rf"[\"/]{re.escape(path.name)}\"", tests), f"no test runs {path}"


def test_the_readme_leads_to_it():
    assert "docs/language_models.md#where-everything-is" in (ROOT / "README.md").read_text()
