"""What the four numbers of a box mean is said, found by what fits, or refused; and what becomes of odd boxes."""

from __future__ import annotations

import pytest

from runner.errors import DataError
from tests.data.boxes.conftest import lines, load

PICTURES = ["a.png", "b.png", "c.png"]


@pytest.fixture
def rows(folder):
    """Writes a table of one box a picture."""

    def write(*boxes):
        text = lines(
            *(
                {"image": name, "objects": [{"label": "cat", "bbox": box}]}
                for name, box in zip(PICTURES, boxes, strict=True)
            )
        )
        return folder(PICTURES, **{"index.jsonl": text}) / "index.jsonl"

    return write


def test_the_only_form_that_fits_is_taken_and_told(rows):
    report = load(rows([30, 20, 8, 9], [1, 1, 30, 20], [25, 3, 12, 20])).report
    assert report.facts["box_form"] == "xywh in pixels"
    assert "data.box_format does not say" in report.warnings[0]
    relative = load(rows([0.5, 0.95, 0.2, 0.1], [0.1, 0.5, 0.2, 0.2], [0.5, 0.5, 1, 1])).report
    assert relative.facts["box_form"] == "cxcywh in shares of the picture"


def test_two_forms_that_fit_are_refused(rows):
    with pytest.raises(DataError, match="fit as xyxy in pixels and as xywh in pixels"):
        load(rows([1, 1, 10, 10], [2, 2, 12, 20], [3, 3, 13, 14]))


def test_a_form_that_is_said_and_does_not_fit_is_refused_where_another_fits_all(rows):
    path = rows([30, 20, 8, 9], [1, 1, 30, 20], [25, 3, 12, 20])
    with pytest.raises(
        DataError, match=r"2 of 3 do not fit so; all of them fit as xywh in pixels: row 1, row 3"
    ) as raised:
        load(path, box_format="xyxy", box_unit="pixel")
    assert raised.value.hint == 'set data.box_format to "xywh"'


def test_pixels_and_shares_are_not_taken_for_one_another(rows):
    with pytest.raises(DataError, match="they are shares of the picture"):
        load(rows([0.1, 0.1, 0.5, 0.6], [0.2, 0, 0.7, 1], [0.3, 0.3, 0.9, 0.8]), box_format="xyxy", box_unit="pixel")
    with pytest.raises(DataError, match="all of them fit as xyxy in pixels"):
        load(rows([6, 5, 32, 29], [16, 0, 40, 30], [19, 14, 38, 28]), box_format="xyxy", box_unit="relative")


def test_odd_boxes_are_counted_by_what_is_wrong_with_them(folder):
    boxes = [
        [2, 2, 10, 10], [2, 2, 10, 10], [-0.4, 3, 12, 30.3], [30, 20, 60, 29], [5, 5, 5, 9], [100, 100, 120, 120],
        [1, 2, "x", 4], [1, 2, 3],
    ]  # fmt: skip
    objects = [{"label": "cat", "bbox": box} for box in boxes] + [{"bbox": [1, 1, 4, 4]}]
    path = folder(["a.png"], **{"index.jsonl": lines({"image": "a.png", "objects": objects})})
    loaded = load(path / "index.jsonl", box_format="xyxy", box_unit="pixel", max_rows_lost=0.9)
    (own,) = loaded.train.boxes
    assert own.corners.tolist() == [[2, 2, 10, 10], [0, 3, 12, 30], [30, 20, 40, 29]]
    assert loaded.report.rows_changed == dict.fromkeys(
        ("duplicate_box", "box_at_edge", "box_clipped", "box_without_size", "box_outside", "box_not_finite",
         "unreadable_box", "missing_label"), 1,
    )  # fmt: skip


def test_a_set_most_of_whose_boxes_are_lost_is_refused(folder):
    objects = [
        {"label": "cat", "bbox": [1, 1, 5, 5]},
        {"label": "cat", "bbox": [20, 25, 30, 25]},
        {"bbox": [1, 1, 4, 4]},
    ]
    path = folder(["a.png"], **{"index.jsonl": lines({"image": "a.png", "objects": objects})})
    with pytest.raises(DataError, match="2 of 3 boxes cannot be used"):
        load(path / "index.jsonl", box_format="xyxy", box_unit="pixel")


def test_boxes_are_of_the_picture_as_its_exif_turns_it(tmp_path):
    from PIL import Image

    image = Image.new("RGB", (60, 40))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "t.jpg", exif=exif)
    (tmp_path / "i.jsonl").write_text(lines({"image": "t.jpg", "objects": [{"label": "a", "bbox": [4, 44, 20, 12]}]}))
    loaded = load(tmp_path / "i.jsonl", box_format="xywh", box_unit="pixel")
    assert loaded.train.sizes.tolist() == [[40, 60]]
    assert loaded.train.boxes[0].corners.tolist() == [[4, 44, 24, 56]]
