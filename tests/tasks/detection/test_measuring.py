"""The metrics and tables of detectors, what has to be beaten, and several side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runner.data.boxes.box_side import Boxes, BoxSplit
from runner.data.images.picture_places import Pictures
from runner.tasks.detection import TASK, measuring
from runner.tasks.detection.average_precision import OVERLAPS
from runner.tasks.detection.baselines import baselines
from runner.tasks.detection.comparing import compare
from runner.tasks.detection.found_boxes import FoundBoxes
from runner.tasks.detection.measuring import measure_detection


def split(count=6):
    """Pictures of one cat each, and every second one of a dog too."""
    names = tuple(f"{at}.png" for at in range(count))
    nothing = np.zeros(count, np.int64)
    own = []
    for at in range(count):
        corners = [[at, at, at + 10, at + 10], [20, 15, 38, 28]][: 1 + at % 2]
        own.append(Boxes(np.array(corners, float), np.arange(len(corners)), np.zeros(len(corners), bool)))
    pictures = Pictures((Path("x"),), nothing, nothing, nothing, names)
    return BoxSplit(
        pictures, np.tile([40, 30], (count, 1)), tuple(own), ("cat", "dog"), np.arange(count, dtype=np.uint64)
    )


def saying(part, shift=0.0, dogs=True):
    told = [len(own) if dogs else 1 for own in part.boxes]
    return [
        FoundBoxes(own.corners[:count] + shift, own.labels[:count], np.full(count, 0.8))
        for own, count in zip(part.boxes, told, strict=True)
    ]


def test_all_of_it_found_is_1_and_the_tables_say_so():
    part = split()
    metrics, tables, threshold = measure_detection(saying(part), part, seed=1)
    assert (metrics["map"], metrics["map_50"], metrics["mar_100"], metrics["f1"], threshold) == (1, 1, 1, 1, 0.8)
    # All of four pictures: what others would be is not known as surely.
    assert metrics["map_low"] < 0.7
    assert metrics["map_high"] == 1
    by_name = {table.name: table for table in tables}
    assert by_name["classes"].rows == [["cat", 1.0, 1.0, 1.0, 1.0, 1.0, 6], ["dog", 1.0, 1.0, 1.0, 1.0, 1.0, 3]]
    assert by_name["mistakes"].rows == [["cat", 6, 0, 0], ["dog", 0, 3, 0], ["(nothing there)", 0, 0, 0]]
    assert by_name["worst"].rows == []


def test_what_is_missed_and_what_is_wrong_is_told():
    part = split()
    found = saying(part, dogs=False)
    found[0] = FoundBoxes(np.array([[25.0, 2, 39, 9]]), np.array([1]), np.array([0.9]))
    metrics, tables, _ = measure_detection(found, part, seed=1)
    by_name = {table.name: table for table in tables}
    assert by_name["mistakes"].rows == [["cat", 5, 0, 1], ["dog", 0, 0, 3], ["(nothing there)", 0, 1, 0]]
    assert by_name["worst"].rows[0] == ["0.png", 1, 0, 1, 1]
    assert metrics["map/dog"] == 0
    assert 0 < metrics["map_low"] <= metrics["map"] <= metrics["map_high"] < 1


def test_baselines_are_measured_and_better_models_come_first():
    part = split(20)
    table = baselines(part, part, seed=3).table()
    assert [row[0] for row in table.rows] == ["whole picture", "boxes of another picture"]
    rows = compare([("shifted", saying(part, 1.5)), ("exact", saying(part))], part, seed=3)
    assert [row["label"] for row in rows] == ["exact", "shifted"]
    assert rows[0]["best"] and not rows[1]["tied_with_best"]
    assert rows[1]["versus_best"]["value"] < 0


def test_without_a_held_out_picture_nothing_is_measured():
    part = split(2).take(np.zeros(0, np.int64))
    metrics, tables, threshold = measure_detection([], part, seed=1)
    assert (metrics["map"], metrics["n_validation"], tables, threshold) == (None, 0, [], 0.5)


def test_the_next_step_asks_about_pictures():
    assert TASK.room("next_step").command("object_detection/m", {}) == (
        "runner infer --model object_detection/m --input pictures"
    )


def test_a_detector_that_finds_so_much_that_it_is_redrawn_less_often_is_compared_all_the_same(monkeypatch):
    part = split(20)
    few = saying(part)
    many = [FoundBoxes(np.tile(own.corners, (20, 1)), np.tile(own.labels, 20), np.tile(own.scores, 20)) for own in few]
    boxes = sum(len(own.scores) for own in few)
    monkeypatch.setattr(measuring, "EFFORT", 100 * len(OVERLAPS) * (boxes + 1))
    rows = compare([("few", few), ("many", many)], part, seed=3)
    assert [row["label"] for row in rows] == ["few", "many"]
    assert rows[1]["versus_best"]["high"] <= 0
