"""Every document of ``specs/invalid`` is refused, with exactly the message beside it."""

from pathlib import Path

import pytest

from runner.cli.output import error_text
from runner.errors import SpecError
from runner.spec.checking import load

FOLDER = Path(__file__).parents[2] / "specs" / "invalid"
DOCUMENTS = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_refused_with_its_message(path):
    with pytest.raises(SpecError) as caught:
        load(path.read_bytes(), path.name)
    assert error_text(caught.value) + "\n" == path.with_suffix(".expected").read_text(encoding="utf-8")
    assert caught.value.as_dict()["exit_code"] == 3


def test_there_are_enough_and_none_is_alone():
    assert len(DOCUMENTS) >= 30
    assert {path.stem for path in FOLDER.glob("*.expected")} == {path.stem for path in DOCUMENTS}


def test_no_message_repeats_a_secret():
    assert not [path for path in FOLDER.glob("*.expected") if "abcdef0123456789" in path.read_text(encoding="utf-8")]
