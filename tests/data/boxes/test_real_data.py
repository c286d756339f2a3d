"""Published pictures with boxes."""

from __future__ import annotations

import pytest

from tests.data.boxes.conftest import load


@pytest.mark.slow
def test_blood_cells(shared_data, tmp_path):
    path = shared_data / "detect_bccd" / "index.jsonl"
    sides = {"train": [], "test": []}
    for line in path.read_text("utf-8").splitlines():
        sides["train" if '"split": "train"' in line else "test"].append(line + "\n")
    for name, rows in sides.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(rows))
    loaded = load(
        tmp_path / "train.jsonl", held=True, validation_data=str(tmp_path / "test.jsonl"), image_folder=str(path.parent)
    )
    assert (len(loaded.train), len(loaded.validation)) == (36, 12)
    assert loaded.train.classes == ("Platelets", "RBC", "WBC")
    assert loaded.report.facts["box_form"] == "xyxy in pixels"
    assert loaded.report.rows_dropped == {}
