"""Pictures that a table's rows name or hold."""

import base64
import json

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from runner.data.images.section import NumberImages
from runner.errors import DataError
from tests.data.images.conftest import classes, picture

COLOURS = [(20 * at, 5, 90) for at in range(6)]


def written(tmp_path, rows, name="rows.jsonl"):
    tmp_path.mkdir(exist_ok=True)
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("form", ["bytes", "struct", "base64", "data URL"])
def test_pictures_in_cells(tmp_path, load, form):
    made = {
        "bytes": lambda data: data,
        "struct": lambda data: {"bytes": data, "path": "gone/x.png"},
        "base64": lambda data: base64.b64encode(data).decode(),
        "data URL": lambda data: "data:image/png;base64," + base64.b64encode(data).decode(),
    }[form]
    rows = [{"image": made(picture(colour)), "label": "ab"[at % 2]} for at, colour in enumerate(COLOURS)]
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.Table.from_pylist(rows), path)
    loaded = load(path, validation_split=0)
    assert [loaded.train.pictures.decoded(at).getpixel((0, 0)) for at in range(6)] == COLOURS
    assert loaded.train.targets["label"].tolist() == [0, 1] * 3


def test_a_large_group_of_rows_is_told_with_how_to_write_it(tmp_path, load, monkeypatch):
    monkeypatch.setattr("runner.data.images.table_pictures.LARGE_GROUP", 5_000)
    rows = [{"image": picture((at % 250, 5, 90)), "label": "ab"[at % 2]} for at in range(240)]
    for name, group in (("one.parquet", 240), ("many.parquet", 100)):
        parquet.write_table(pa.Table.from_pylist(rows), tmp_path / name, row_group_size=group)
    report = load(tmp_path / "one.parquet").report
    (told,) = [each for each in report.warnings if "row_group_size=100" in each]
    assert told.startswith("one.parquet has 240 rows of")
    assert report.facts["large_row_groups"] == 1
    assert "large_row_groups" not in load(tmp_path / "many.parquet").report.facts


def test_paths_count_from_the_tables_own_folder_and_what_fails_is_named(tmp_path, load):
    folder = tmp_path / "train"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.png", "b.png", "c.png", "d.png", "sub/e.png", "extra.png"):
        (folder / name).write_bytes(picture((len(name), ord(name[-5]), 0)))
    (tmp_path / "outside.png").write_bytes(picture())
    paths = [
        "a.png",
        "b.png",
        "train/c.png",
        "d",
        "sub\\e.png",
        "gone.png",
        "../outside.png",
        "http://x.org/y.png",
        None,
    ]
    path = written(folder, [{"file_name": each, "target": at} for at, each in enumerate(paths)], "metadata.jsonl")
    loaded = load(folder, numbers=True, max_rows_lost=0.9, validation_split=0)
    assert loaded.train.pictures.names == ("a.png", "b.png", "train/c.png", "sub\\e.png")
    report = loaded.report
    assert report.named == {
        "missing_picture": [4, 6, 9], "outside_folder": [7], "url": [8], "path_from_above": [3], "backslash_path": [5],
    }  # fmt: skip
    assert report.facts["pictures_without_row"] == 2
    assert load(path, numbers=True, max_rows_lost=0.9, validation_split=0).fingerprint == loaded.fingerprint
    with pytest.raises(DataError, match="5 of 9 pictures cannot be used"):
        load(folder, numbers=True)


@pytest.mark.parametrize("rest", ["image/png;base64,AAAA", "image/png,%89PNG", "image/png;base64," + "QUJD" * 2000])
def test_a_data_url_that_holds_no_picture_is_said_to_hold_none(tmp_path, load, rest):
    classes(tmp_path)
    rows = [{"image": f"{name}/{at}.png", "label": name} for name in ("cat", "dog") for at in range(3)]
    rows[0]["image"] = f"data:{rest}"
    loaded = load(written(tmp_path, rows), validation_split=0)
    assert loaded.report.rows_dropped == {"unreadable": 1}
    assert any("row 1: its data: URL holds no picture" in each for each in loaded.report.warnings)


def test_another_folder_of_pictures_is_named(tmp_path, load):
    classes(tmp_path / "pictures", 2)
    rows = [{"image": f"{name}/{at}.png", "label": name} for name in ("cat", "dog") for at in range(2)]
    path = written(tmp_path / "tables", rows)
    with pytest.raises(DataError, match="cannot be used"):
        load(path)
    assert len(load(path, validation_split=0, image_folder=str(tmp_path / "pictures")).train) == 4


def test_columns_are_found_named_and_missed_by_name(tmp_path, load):
    classes(tmp_path, 2)
    rows = [{"bild": f"{name}/{at}.png", "art": name} for name in ("cat", "dog") for at in range(2)]
    path = written(tmp_path, rows)
    with pytest.raises(DataError, match="no column is known as the picture") as missed:
        load(path)
    assert "'bild', 'art'" in missed.value.hint
    with pytest.raises(DataError, match="there is no column 'Art'") as near:
        load(path, columns={"image": "bild", "label": "Art"})
    assert "did you mean 'art'" in near.value.hint
    loaded = load(path, columns={"image": "bild", "label": "art"}, validation_split=0)
    assert loaded.train.classes == {"art": ("cat", "dog")}


def test_labels_keep_their_words_and_what_has_none_is_left_out(tmp_path, load):
    classes(tmp_path, 5, ("x",))
    labels = ["1", 1, " 1 ", "true", None]
    path = written(tmp_path, [{"image": f"x/{at}.png", "label": each} for at, each in enumerate(labels)])
    loaded = load(path, validation_split=0)
    assert loaded.train.classes["label"] == ("1", "true")
    assert loaded.report.rows_dropped == {"missing_label": 1}
    assert loaded.report.rows_changed == {"spaces_around_label": 1}


def test_numbers_stay_numbers_and_what_is_none_is_refused(tmp_path, load):
    classes(tmp_path, 4, ("x",))

    def table(cells):
        text = "".join(f"x/{at}.png;{cell}\n" for at, cell in enumerate(cells))
        (tmp_path / "t.csv").write_text("image;target\n" + text)
        return load(tmp_path / "t.csv", numbers=True, delimiter=";", decimal=",", validation_split=0)

    assert table(["1,5", "2", "-3", "NA"]).train.targets["target"].tolist() == [1.5, 2.0, -3.0]
    with pytest.raises(DataError, match="'lots', which is not a number"):
        table(["1,5", "lots", "1", "2"])


def test_which_pictures_are_held_out_is_said_by_columns(tmp_path, load):
    classes(tmp_path, 6)
    rows = [
        {
            "image": f"{name}/{at}.png",
            "label": name,
            "side": ("train", "train", "val", "test")[at % 4],
            "who": at // 2,
            "t": at,
        }
        for name in ("cat", "dog")
        for at in range(6)
    ]
    path = written(tmp_path, rows)
    loaded = load(path, split_column="side")
    assert (len(loaded.train), len(loaded.validation), loaded.report.rows_dropped) == (8, 2, {"test_rows": 2})
    assert {name[-5] for name in load(path, time_column="t").validation.pictures.names} <= {"4", "5"}
    grouped = load(path, group_column="who", validation_split=0.3)
    sides = [{int(name[-5]) // 2 for name in side.pictures.names} for side in (grouped.train, grouped.validation)]
    assert sides[0].isdisjoint(sides[1])


def test_another_file_is_measured_on(tmp_path, load):
    classes(tmp_path / "train", 3)
    classes(tmp_path / "more", 2, ("cat", "owl"))
    loaded = load(tmp_path / "train", validation_data=str(tmp_path / "more"))
    assert loaded.validation.targets["label"].tolist() == [0, 0, -1, -1]
    assert "2 held-out pictures are of a class that training never saw" in " ".join(loaded.report.warnings)


def test_a_sample_of_classes_is_in_proportion(tmp_path, load):
    classes(tmp_path, 8, ("cat",))
    classes(tmp_path, 4, ("cat", "dog"))
    loaded = load(tmp_path, max_samples=6, validation_split=0)
    assert sorted(loaded.train.targets["label"].tolist()) == [0] * 4 + [1] * 2
    assert loaded.report.rows_dropped == {"not_sampled": 6}


def test_pictures_of_one_number_are_nothing_to_learn(tmp_path, load):
    for at, colour in enumerate(COLOURS):
        (tmp_path / f"{at}.png").write_bytes(picture(colour))
    rows = [{"image": f"{at}.png", "target": 3} for at in range(6)]
    loaded = load(written(tmp_path, rows), numbers=True)
    with pytest.raises(DataError, match="3 in every row"):
        NumberImages(dataset="rows.jsonl").need_learnable(loaded)


@pytest.mark.parametrize(("greatest", "told"), [(200, True), (60_000, False)])
def test_a_picture_of_16_bits_that_becomes_black_is_told(tmp_path, load, greatest, told):
    classes(tmp_path)
    image = Image.fromarray(np.full((6, 8), greatest, np.uint16))
    image.save(tmp_path / "cat" / "0.png")
    loaded = load(tmp_path, validation_split=0)
    assert loaded.report.rows_changed == ({"black_of_16_bits": 1} if told else {})
    assert any("nothing of it is seen" in each for each in loaded.report.warnings) is told


def test_a_split_column_that_holds_nothing_out_says_what_it_has(tmp_path, load):
    classes(tmp_path)
    rows = [{"image": f"{name}/{at}.png", "label": name, "side": "test" if at == 2 else "train"}
            for name in ("cat", "dog") for at in range(3)]  # fmt: skip
    with pytest.raises(DataError, match="says validation of no row") as refused:
        load(written(tmp_path, rows), split_column="side")
    assert "4 rows say train, 0 validation and 2 test" in refused.value.hint
    assert "validation_split" in refused.value.hint
