"""Words that are documents alone need no parser: both roads say the same."""

from __future__ import annotations

import pytest

from runner.cli import app
from runner.cli.document_checks import only_documents
from tests.conftest import ROOT

SPEC = str(ROOT / "specs" / "quickstart.json")


@pytest.mark.parametrize("words", [[SPEC], [SPEC, SPEC], [SPEC, "--json"], ["--json", SPEC, "nowhere.json"]])
def test_the_short_road_ends_as_the_parsers_does(words, capsys):
    assert only_documents(words)
    short = app.run(["validate", *words]), capsys.readouterr()
    assert (app.build(["validate", *words])(["validate", *words]), capsys.readouterr()) == short


@pytest.mark.parametrize("words", [["--help"], [SPEC, "--jsn"], ["--json=true", SPEC], ["--no-json"], [""]])
def test_whatever_needs_reading_goes_to_the_parser(words):
    assert not only_documents(words)


def test_a_flag_that_is_none_is_refused(capsys):
    assert app.run(["validate", SPEC, "--jsn"]) == 2
    assert "--jsn" in capsys.readouterr().err
