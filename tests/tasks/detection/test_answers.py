"""What a detector's records hold, how they lie in Parquet, and the pictures that are drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runner.errors import RunFailed, UsageError
from runner.tasks.detection import TASK
from runner.tasks.detection.found_boxes import FoundBoxes
from runner.tasks.detection.options import DetectionOptions


class Pictures:
    def decoded(self, at: int) -> Any:
        return Image.new("RGB", (40, 30), "white")


@dataclass
class Row:
    id: str = "a.png"
    line: int = 1
    at: int = 0
    pictures: Any = None


class Detector:
    """Says the same of every picture."""

    classes = ("cat", "dog")

    def __init__(self, *boxes):
        self.found = FoundBoxes(
            np.array([box for box, _, _ in boxes], float).reshape(-1, 4),
            np.array([code for _, code, _ in boxes], np.int64),
            np.array([score for _, _, score in boxes], float),
        )  # fmt: skip

    def predict(self, rows, options, batch_size):
        return [((40, 30), self.found)] * len(rows)


@dataclass
class Opened:
    """All of a stored model that these answers look at."""

    predictor: object
    threshold: float | None = 0.5

    def parameter(self, name):
        return self.threshold


SOME = Detector(([1, 2, 3, 4], 1, 0.6), ([5.126, 6, 7, 8], 0, 0.9), ([0, 0, 40, 30], 0, 0.2))


def opened(threshold=0.5, detector=SOME, options=None):
    return TASK.room("answers").open_answers(Opened(detector, threshold), DetectionOptions(**(options or {})), print)


def test_a_record_has_the_boxes_from_the_models_threshold_on_the_surest_first():
    (record,) = opened().answer([Row()], 8)
    assert record == {
        "width": 40, "height": 30,
        "boxes": [
            {"label": "cat", "score": 0.9, "box": [5.13, 6, 7, 8]}, {"label": "dog", "score": 0.6, "box": [1, 2, 3, 4]},
        ],
    }  # fmt: skip
    assert opened().flat(record)[:3] == [40, 30, 2]
    assert json.loads(opened().flat(record)[3]) == record["boxes"]


def test_the_options_say_otherwise():
    assert len(opened().answer([Row()], 8)[0]["boxes"]) == 2
    assert len(opened(None, options={"threshold": 0.1}).answer([Row()], 8)[0]["boxes"]) == 3
    assert [box["label"] for box in opened(options={"most_boxes": 1}).answer([Row()], 8)[0]["boxes"]] == ["cat"]


def test_a_score_that_is_no_number_fails():
    with pytest.raises(RunFailed, match="a score is not a finite number"):
        opened(detector=Detector(([1, 2, 3, 4], 0, float("nan")))).answer([Row()], 8)


def test_pictures_are_drawn_into_a_folder_and_nowhere_else(tmp_path):
    answers = opened(options={"draw": str(tmp_path / "drawn")})
    answers.answer([Row("../../out.png", pictures=Pictures()), Row("b/c.jpg", 2, pictures=Pictures())], 8)
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    assert written == ["drawn/00001-out.png", "drawn/00002-b-c.png"]
    with Image.open(tmp_path / written[0]) as image:
        assert image.size == (40, 30)
        assert len(image.getcolors()) > 1
    assert answers.closing() == [f"pictures with their boxes drawn: {tmp_path / 'drawn'}"]


def test_a_file_is_no_folder_to_draw_into(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError):
        DetectionOptions(draw=str(tmp_path / "file")).check()
