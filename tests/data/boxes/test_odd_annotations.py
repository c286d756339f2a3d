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


def test_numbers_behind_a_box_of_yolo_are_told_and_polygons_counted(folder):
    texts = {f"labels/{at}.txt": f"0 0.5 0.5 0.2 0.{at + 1} 0.9\n" for at in range(2)}
    texts["labels/2.txt"] = "0 0.1 0.1 0.5 0.1 0.5 0.6\n"
    report = load(folder(NAMES, **texts, **{"classes.txt": "cat\n"})).report
    assert (report.facts["boxes_with_confidence"], report.facts["boxes_around_polygons"]) == (2, 1)
    assert any("2 boxes have a sixth number" in each for each in report.warnings)


def test_the_box_around_a_polygon_of_coco_is_taken_where_it_has_none(folder):
    outlines = ([[4, 5, 14, 5, 9, 20]], [[4, 5, 8, 5, 6, 9], [10, 12, 14, 18, 9, 20]])
    boxes = [
        {"id": 1, "image_id": at, "category_id": 1, "segmentation": outline} for at, outline in enumerate(outlines)
    ] + [{"id": 3, "image_id": 2, "category_id": 1, "bbox": [4, 5, 10, 15], "segmentation": [[0, 0, 9, 0, 9, 9]]}]
    loaded = load(folder(NAMES, **{"a.json": coco(40, 30, annotations=boxes)}) / "a.json")
    assert [own.corners.tolist() for own in loaded.train.boxes] == [[[4, 5, 14, 20]]] * 3
    assert loaded.report.facts["boxes_around_polygons"] == 2
    assert loaded.report.rows_changed == {"boxes_around_polygons": 2}


@pytest.mark.parametrize("outline", [{"counts": "abc", "size": [30, 40]}, [[1, 2, 3, 4]], [[1, 2, 3, 4, "x", 6]], [7]])
def test_a_mask_of_coco_without_a_box_is_refused_with_what_to_do(folder, outline):
    boxes = [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [4, 5, 10, 15]}]
    boxes += [{"id": 2, "image_id": 1, "category_id": 1, "segmentation": outline}]
    path = folder(NAMES, **{"a.json": coco(40, 30, annotations=boxes)}) / "a.json"
    with pytest.raises(DataError, match="mask_without_box 1"):
        load(path, max_rows_lost=0.1)
    warnings = load(path, max_rows_lost=0.5).report.warnings
    assert any("write the bbox of each beside it" in each for each in warnings)


def test_difficult_objects_of_voc_are_told(folder):
    corners = "<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>20</xmax><ymax>12</ymax></bndbox>"
    thing = f"<object><name>cat</name><difficult>%d</difficult>{corners}</object>"
    texts = {f"images/{at}.xml": f"<annotation>{thing % (at % 2)}</annotation>" for at in range(3)}
    report = load(folder(NAMES, **texts)).report
    assert report.facts["difficult_boxes"] == 1
    assert any("1 box is marked as difficult" in each for each in report.warnings)


def test_boxes_around_crowds_are_counted(folder):
    boxes = [
        {"id": 10 * at + crowd, "image_id": at, "category_id": 1, "bbox": [2 + crowd, 3, 20, 10], "iscrowd": crowd}
        for at in range(3)
        for crowd in (0, 1)
    ]
    loaded = load(folder(NAMES, **{"a.json": coco(40, 30, annotations=boxes)}) / "a.json")
    assert loaded.report.facts["boxes_around_crowds"].startswith("3: not learned")
