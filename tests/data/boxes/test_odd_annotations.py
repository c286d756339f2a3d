"""Annotations that say one thing and mean another: sizes, names of classes, columns."""

from __future__ import annotations

import json

import pytest

from runner.errors import DataError
from tests.data.boxes.conftest import lines, load

NAMES = [f"images/{at}.png" for at in range(3)]


def coco(width: int, height: int, **changed: object) -> str:
    return json.dumps(
        {
            "images": [{"id": at, "file_name": f"{at}.png", "width": width, "height": height} for at in range(3)],
            "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
            "annotations": [{"id": at, "image_id": at, "category_id": 1, "bbox": [2, 3, 20, 10]} for at in range(3)],
        }
        | changed
    )


def test_pictures_of_another_size_than_coco_says_are_told(folder):
    loaded = load(folder(NAMES, **{"a.json": coco(80, 60)}) / "a.json")
    assert any("3 pictures of another size" in each and "80x60" in each for each in loaded.report.warnings)
    for width, height in ((40, 30), (30, 40), (0, 0)):
        loaded = load(folder(NAMES, **{"a.json": coco(width, height)}) / "a.json")
        assert not any("another size" in each for each in loaded.report.warnings)


def test_categories_of_one_name_are_told(folder):
    twice = [{"id": 1, "name": "cat"}, {"id": 2, "name": "cat"}]
    loaded = load(folder(NAMES, **{"a.json": coco(40, 30, categories=twice)}) / "a.json")
    assert any("several categories" in each and "'cat'" in each for each in loaded.report.warnings)


def test_a_count_of_classes_that_is_not_that_of_names_is_refused(folder):
    texts = {f"labels/{at}.txt": "0 0.5 0.5 0.2 0.2\n" for at in range(3)}
    with pytest.raises(DataError, match=r"3 classes \(nc\), and names 2"):
        load(folder(NAMES, **texts, **{"data.yaml": "names: [cat, dog]\nnc: 3\n"}))


@pytest.mark.parametrize("parallel", [True, False])
def test_classes_are_found_beside_boxes_that_a_dotted_name_says(folder, parallel):
    box = [2, 3, 20, 10]
    objects = {"bbox": [box], "category": ["cat"]} if parallel else [{"bbox": box, "category": "cat"}]
    rows = [{"image": name, "objects": objects} for name in NAMES]
    columns = {"image": "image", "boxes": "objects.bbox"}
    loaded = load(folder(NAMES, **{"a.jsonl": lines(*rows)}) / "a.jsonl", columns=columns, box_format="xywh")
    assert loaded.train.classes == ("cat",)
    assert len(loaded.train) == 3
