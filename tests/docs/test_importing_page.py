"""docs/importing.md: every command as it stands there, and the pages' tables."""

from tests.docs.documents import ROOT, table, walk

PAGE = ROOT / "docs" / "importing.md"


def test_every_command_prints_what_is_shown(tmp_path):
    walk(PAGE, tmp_path)


def test_every_format_has_its_row():
    from runner.interchange.importers.detection import FORMATS

    assert [row[0].strip("`") for row in table(PAGE, "`--from`")] == list(FORMATS)
