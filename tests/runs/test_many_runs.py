"""Of many runs those are read that are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.runs.run_folder import Run, all_runs, find_run


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[str]]:
    """Two hundred runs, a second apart, and the names of those whose documents are read."""
    for number in range(200):
        folder = tmp_path / f"20260101-00{number // 60:02}{number % 60:02}-many-{number:04x}"
        folder.mkdir()
        (folder / "state.json").write_text(json.dumps({"state": "succeeded", "created": 1767225600 + number}))
    read: list[str] = []
    document = Run.document

    def counted(run: Run, name: str) -> object:
        read.append(run.id)
        return document(run, name)

    monkeypatch.setattr(Run, "document", counted)
    return tmp_path, read


def test_the_newest_are_found_without_reading_the_others(runs: tuple[Path, list[str]]) -> None:
    folder, read = runs
    listed = all_runs(folder)
    assert [next(listed).id[-4:] for _ in range(3)] == ["00c7", "00c6", "00c5"]
    assert find_run(folder, "last").id.endswith("00c7")
    assert find_run(folder, "many-0003").id.endswith("0003")
    assert read == []


def test_runs_of_one_second_and_of_other_names_are_in_their_order(runs: tuple[Path, list[str]]) -> None:
    folder, read = runs
    made = {"20260101-000319-many-ffff": 1767225799.2, "20260101-000319-many-0000": 1767225799.7, "mine": 1767225700.5}
    for name, created in made.items():
        (folder / name).mkdir()
        (folder / name / "state.json").write_text(json.dumps({"state": "succeeded", "created": created}))
    ids = [run.id for run in all_runs(folder)]
    assert ids[:3] == ["20260101-000319-many-0000", "20260101-000319-many-ffff", "20260101-000319-many-00c7"]
    assert ids.index("mine") == len([each for each in ids if "20260101-000140" < each[:15] < "m"])
    assert len(set(read)) == 5
