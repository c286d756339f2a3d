"""The same boxes, written as COCO, YOLO, Pascal VOC and rows have them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from runner.errors import DataError
from tests.data.boxes.conftest import lines, load

TWO = [[4, 5, 14, 20], [20, 10, 30, 28]]
OBJECTS = [{"label": "cat", "bbox": TWO[0]}, {"label": "dog", "bbox": TWO[1]}]
XML = (
    "<annotation><filename>a.png</filename>"
    "<object><name>cat</name><bndbox><xmin>4</xmin><ymin>5</ymin><xmax>14</xmax><ymax>20</ymax></bndbox></object>"
    "<object><name>dog</name><bndbox><xmin>20</xmin><ymin>10</ymin><xmax>30</xmax><ymax>28</ymax></bndbox></object>"
    "</annotation>"
)


def coco(images, annotations, categories=((7, "cat"), (3, "dog"))):
    return json.dumps({
        "images": [{"id": at, "file_name": name, "width": 40, "height": 30} for at, name in images],
        "annotations": [
            {"id": at, "image_id": image, "category_id": category, "bbox": box, **more}
            for at, (image, category, box, more) in enumerate(annotations)
        ],
        "categories": [{"id": at, "name": name} for at, name in categories],
    })  # fmt: skip


def told(loaded):
    (own,) = loaded.train.boxes
    return [
        (loaded.train.classes[code], box) for code, box in zip(own.labels.tolist(), own.corners.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("index.jsonl", lines({"image": "a.png", "objects": OBJECTS})),
        ("index.jsonl", lines({"file_name": "a.png", "objects": {"bbox": TWO, "category": ["cat", "dog"]}})),
        ("index.jsonl", lines({"image": "a.png", "boxes": TWO, "labels": ["cat", "dog"]})),
        ("index.jsonl", lines({"image": "a.png", "objects": json.dumps({"bbox": TWO, "category": ["cat", "dog"]})})),
        ("index.csv", "image,xmin,ymin,xmax,ymax,class\na.png,4,5,14,20,cat\na.png,20,10,30,28,dog\n"),
        ("a.xml", XML),
    ],
)  # fmt: skip
def test_one_picture_however_it_is_annotated(folder, name, text):
    path = folder(["a.png"], **{name: text})
    given = {} if name.endswith(("xml", "csv")) else {"box_format": "xyxy", "box_unit": "pixel"}
    loaded = load(path if name.endswith("xml") else path / name, **given)
    assert told(loaded) == [("cat", [4, 5, 14, 20]), ("dog", [20, 10, 30, 28])]


def test_coco_has_corners_and_sizes_sparse_categories_pictures_without_boxes_and_crowds(folder):
    text = coco([(1, "a.png"), (9, "b.png")], [(1, 7, [4, 5, 10, 15], {"iscrowd": 1}), (1, 3, [20, 10, 10, 18], {})])
    loaded = load(folder(["a.png", "b.png"], **{"annotations.json": text}))
    assert loaded.train.classes == ("dog", "cat")
    first, second = loaded.train.boxes
    assert first.corners.tolist() == [[4, 5, 14, 20], [20, 10, 30, 28]]
    assert first.crowd.tolist() == [True, False]
    assert len(second) == 0
    assert (loaded.report.rows_kept, loaded.report.rows_dropped, loaded.report.warnings) == (2, {}, [])


def test_what_belongs_to_nothing_in_a_coco_file_is_told(folder):
    text = coco(
        [(1, "a.png"), (2, "gone.png")],
        [(1, 7, [4, 5, 10, 15], {}), (1, 99, [1, 1, 5, 5], {}), (5, 7, [1, 1, 5, 5], {})],
    )
    report = load(folder(["a.png"], **{"annotations.json": text})).report
    assert report.rows_dropped == {"missing_picture": 1}
    assert report.rows_changed == {"unknown_category": 1}
    assert report.facts["annotations_without_picture"] == 1
    assert report.named["missing_picture"] == ["gone.png"]


def test_two_pictures_of_one_id_are_refused(folder):
    with pytest.raises(DataError, match=r"two images have the id 1: 'a.png' and 'b.png'"):
        load(folder(["a.png", "b.png"], **{"annotations.json": coco([(1, "a.png"), (1, "b.png")], [])}))


def test_yolo_has_centres_as_shares_and_names_in_order(folder):
    pictures = ["images/train/a.png", "images/train/b.png", "images/val/c.png"]
    path = folder(pictures, **{
        "labels/train/a.txt": "1 0.225 0.416666666 0.25 0.5\n0 0.625 0.633333333 0.25 0.6\n", "labels/val/c.txt": "",
        "data.yaml": "train: images/train\nval: images/val\nnames: {0: dog, 1: cat}\n",
    })  # fmt: skip
    loaded = load(path, held=True)
    assert loaded.train.classes == ("dog", "cat")
    assert np.allclose(loaded.train.boxes[0].corners, [[4, 5, 14, 20], [20, 10, 30, 28]], atol=1e-4)
    assert loaded.train.pictures.names == ("images/train/a.png", "images/train/b.png")
    assert loaded.validation.pictures.names == ("images/val/c.png",)
    assert loaded.report.facts["pictures_without_labels"] == 1


def test_a_class_of_yolo_may_be_written_as_a_fraction(folder):
    path = folder(["a.png"], **{"a.txt": "1.0 0.5 0.5 0.2 0.2\n0.5 0.3 0.3 0.1 0.1\n", "classes.txt": "cat\ndog\n"})
    loaded = load(path)
    assert [loaded.train.classes[at] for at in loaded.train.boxes[0].labels] == ["dog"]
    assert loaded.report.rows_changed == {"unknown_category": 1}


def test_a_class_beyond_the_names_is_told(folder):
    path = folder(["a.png"], **{"a.txt": "0 0.5 0.5 0.2 0.2\n5 0.3 0.3 0.1 0.1\n", "classes.txt": "cat\ndog\n"})
    report = load(path).report
    assert report.rows_changed == {"unknown_category": 1}
    assert report.facts["boxes"] == 1


def test_a_voc_file_with_entities_and_one_without_a_picture_are_left_out(folder):
    bomb = '<!DOCTYPE a [<!ENTITY b "bb">]><annotation><object><name>&b;</name></object></annotation>'
    path = folder(["a.png", "b.png"], **{"a.xml": XML, "b.xml": bomb, "c.xml": XML.replace("a.png", "gone.png")})
    report = load(path, max_rows_lost=0.9).report
    assert report.rows_dropped == {"unreadable_annotation": 1, "missing_picture": 1}


def test_two_kinds_of_annotations_in_a_folder_are_refused(folder):
    text = coco([(1, "a.png")], [(1, 7, [4, 5, 10, 15], {})])
    with pytest.raises(DataError, match="annotations of several kinds"):
        load(folder(["a.png"], **{"a.xml": XML, "annotations.json": text}))


def test_rows_that_cannot_be_read_are_named(folder):
    text = lines(
        {"image": "a.png", "objects": [{"label": "cat", "bbox": TWO[0]}]}, {"image": "b.png", "objects": "[[1, 2"},
        {"image": "c.png", "objects": {"bbox": TWO, "category": ["cat"]}}, {"image": "d.png", "objects": None},
    )  # fmt: skip
    path = folder(["a.png", "b.png", "c.png", "d.png"], **{"index.jsonl": text})
    report = load(path / "index.jsonl", box_format="xyxy", box_unit="pixel", max_rows_lost=0.9).report
    assert report.rows_dropped == {"unreadable_boxes": 3}
    assert report.named["unreadable_boxes"] == [2, 3, 4]
