"""The guide on extending a router, walked from top to bottom in one folder, as it stands there."""

from __future__ import annotations

import pytest

from tests.docs.documents import ROOT, walk


@pytest.mark.slow
def test_every_command_works_in_its_turn_and_prints_what_is_shown(tmp_path):
    shell = walk(ROOT / "docs" / "extending_a_router.md", tmp_path)
    assert len((shell.home / "routes.jsonl").read_text().splitlines()) == 1
