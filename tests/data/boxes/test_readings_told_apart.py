"""Boxes, classes and sizes that could be read in two ways: the wrong one is never taken without a word."""

from __future__ import annotations

import json

import pytest

from runner.errors import DataError
from tests.data.boxes.conftest import lines, load

NAMES = [f"images/{at}.png" for at in range(3)]
TWO_CLASSES = {"data.yaml": "names: [cat, dog]\n"}


def labels(*texts: str) -> dict[str, str]:
    return {f"labels/{at}.txt": text + "\n" for at, text in enumerate(texts)}


def coco(**changed: object) -> str:
    return json.dumps(
        {
            "images": [{"id": at, "file_name": f"{at}.png", "width": 40, "height": 30} for at in range(3)],
            "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
            "annotations": [{"id": at, "image_id": at, "category_id": 1, "bbox": [2, 3, 20, 10]} for at in range(3)],
        }
        | changed
    )


def voc(left: int, right: int) -> str:
    corners = f"<xmin>{left}</xmin><ymin>3</ymin><xmax>{right}</xmax><ymax>12</ymax>"
    return f"<annotation><object><name>cat</name><bndbox>{corners}</bndbox></object></annotation>"


def test_ids_of_coco_that_are_fractions_of_nothing_are_whole(folder):
    boxes = [{"id": at, "image_id": float(at), "category_id": 1.0, "bbox": [2, 3, 20, 10]} for at in range(3)]
    loaded = load(folder(NAMES, **{"a.json": coco(annotations=boxes)}) / "a.json")
    assert [len(own) for own in loaded.train.boxes] == [1, 1, 1]
    categories = [{"id": 2.0, "name": "dog"}, {"id": 1.0, "name": "cat"}]
    assert load(folder(NAMES, **{"a.json": coco(categories=categories)}) / "a.json").train.classes == ("cat",)


@pytest.mark.parametrize("word", ["²", "9" * 5000, "-1", "2"])
def test_a_class_of_yolo_that_is_no_number_of_a_name_is_counted(folder, word):
    texts = labels("0 0.5 0.5 0.2 0.2", "0 0.5 0.5 0.2 0.2", f"{word} 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.3 0.2")
    assert load(folder(NAMES, **texts, **TWO_CLASSES)).report.rows_changed == {"unknown_category": 1}


@pytest.mark.parametrize("word", ["²", "9" * 5000])
def test_a_class_of_a_table_that_is_no_number_of_a_name_is_counted(folder, word):
    rows = [{"image": name, "xmin": 2, "ymin": 3, "xmax": 9, "ymax": 9, "class": "0"} for name in NAMES]
    rows[0]["class"] = word
    loaded = load(folder(NAMES, **{"a.jsonl": lines(*rows)}) / "a.jsonl", class_names=["cat", "dog"])
    assert loaded.report.rows_changed == {"unknown_category": 1}
    assert loaded.train.classes == ("cat",)


def test_a_text_that_is_a_class_s_name_is_that_class_and_no_number(folder):
    rows = [{"image": name, "xmin": 2, "ymin": 3, "xmax": 9, "ymax": 9, "class": "1"} for name in NAMES]
    loaded = load(folder(NAMES, **{"a.jsonl": lines(*rows)}) / "a.jsonl", class_names=["1", "2"])
    assert loaded.train.classes == ("1",)


def test_classes_that_are_numbered_from_1_are_refused(folder):
    path = folder(NAMES, **labels(*(f"{each} 0.5 0.5 0.2 0.2" for each in (1, 2, 1))), **TWO_CLASSES)
    with pytest.raises(DataError, match="numbered from 1 to 2, and their 2 names count from 0"):
        load(path)
    rows = [
        {"image": name, "xmin": 2, "ymin": 3, "xmax": 9, "ymax": 9, "class": at % 2 + 1}
        for at, name in enumerate(NAMES)
    ]
    with pytest.raises(DataError, match="numbered from 1 to 2"):
        load(folder(NAMES, **{"a.jsonl": lines(*rows)}) / "a.jsonl", class_names=["cat", "dog"])


def test_classes_that_look_the_same_are_told(folder):
    rows = [
        {"image": name, "xmin": 2, "ymin": 3, "xmax": 9, "ymax": 9, "class": ("cat", "Cat")[at % 2]}
        for at, name in enumerate(NAMES)
    ]
    report = load(folder(NAMES, **{"a.jsonl": lines(*rows)}) / "a.jsonl").report
    assert any(each.startswith("'Cat', 'cat' differ in case") for each in report.warnings)


def test_corners_that_have_names_are_those_corners_though_others_would_fit(folder):
    texts = {f"images/{at}.xml": voc(2, 20) for at in range(2)} | {"images/2.xml": voc(20, 2)}
    report = load(folder(NAMES, **texts)).report
    assert report.rows_changed == {"box_without_size": 1}
    assert report.facts["boxes"] == 2


def test_the_same_corners_in_pixels_are_proposed_first_for_yolo(folder):
    path = folder(NAMES, **labels(*["0 20 15 10 8"] * 3), **TWO_CLASSES)
    with pytest.raises(DataError, match="fit as cxcywh in pixels") as refused:
        load(path)
    assert refused.value.hint == 'set data.box_unit to "pixel"'
    assert load(path, box_unit="pixel").train.boxes[0].corners.tolist() == [[15, 11, 25, 19]]


def test_the_box_in_front_of_keypoints_is_taken_and_no_hull_of_them(folder):
    texts = labels(*["0 0.5 0.5 0.2 0.2 0.45 0.4 0.6 0.9"] * 3)
    loaded = load(folder(NAMES, **texts, **{"data.yaml": "names: [person]\nkpt_shape: [2, 2]\n"}))
    assert loaded.train.boxes[0].corners.round(6).tolist() == [[16, 12, 24, 18]]
    assert loaded.report.facts["boxes_with_keypoints"] == 3


def test_shares_of_a_picture_among_pixels_are_not_used(folder):
    rows = [{"image": name, "objects": [{"label": "cat", "bbox": [4, 3, 20, 15]}]} for name in NAMES]
    rows[0]["objects"].append({"label": "cat", "bbox": [0.1, 0.1, 0.5, 0.5]})
    report = load(folder(NAMES, **{"a.jsonl": lines(*rows)}) / "a.jsonl", box_format="xyxy").report
    assert report.rows_changed == {"box_below_pixel": 1}
    assert any("smaller than a pixel each way" in each for each in report.warnings)


@pytest.mark.parametrize("form", ["table", "rows", "coco"])
def test_pictures_that_are_said_to_be_of_another_size_are_told(folder, form):
    wide, high = 80, 60
    corners = {"xmin": 2, "ymin": 3, "xmax": 22, "ymax": 13, "class": "cat"}
    rows = [{"image": name, "width": wide, "height": high, **corners} for name in NAMES]
    if form == "rows":
        rows = [
            {"image": name, "width": wide, "height": high, "objects": [{"label": "cat", "bbox": [2, 3, 30, 13]}]}
            for name in NAMES
        ]
    said = [{"id": at, "file_name": f"{at}.png", "width": wide, "height": high} for at in range(3)]
    text, name = (coco(images=said), "a.json") if form == "coco" else (lines(*rows), "a.jsonl")
    given = {"box_format": "xyxy"} if form == "rows" else {}
    report = load(folder(NAMES, **{name: text}) / name, **given).report
    assert any("3 pictures of another size" in each and "80x60" in each for each in report.warnings)


def test_a_width_and_a_height_that_are_the_box_s_own_are_no_size_of_the_picture(folder):
    rows = [{"image": name, "x": 2, "y": 3, "width": 20, "height": 10, "class": "cat"} for name in NAMES]
    assert load(folder(NAMES, **{"a.jsonl": lines(*rows)}) / "a.jsonl").report.warnings == []


def test_pictures_as_wide_as_they_are_said_to_be_high_are_told(folder):
    said = [{"id": at, "file_name": f"{at}.png", "width": 30, "height": 40} for at in range(3)]
    report = load(folder(NAMES, **{"a.json": coco(images=said)}) / "a.json").report
    (told,) = report.warnings
    assert "3 pictures as wide as annotations say that they are high" in told and "EXIF" in told


def test_one_picture_in_two_rows_with_other_boxes_is_told(folder):
    rows = [
        {"image": NAMES[0], "objects": [{"label": "cat", "bbox": [2, 3, 30, 13]}]},
        {"image": NAMES[0], "objects": [{"label": "cat", "bbox": [4, 3, 30, 20]}]},
    ]
    report = load(folder(NAMES, **{"a.jsonl": lines(*rows)}) / "a.jsonl", box_format="xyxy").report
    assert any("1 row of training" in each and "the boxes of 1 of them differ" in each for each in report.warnings)
