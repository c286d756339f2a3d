"""Pictures in folders and archives: classes, sides, what is left out, and what is said of it."""

import zipfile

import pytest

from runner.errors import DataError
from tests.data.images.conftest import classes, picture


def names(loaded):
    return sorted((*loaded.train.pictures.names, *loaded.validation.pictures.names))


def test_folders_are_classes_and_system_files_are_counted(tmp_path, load):
    folder = classes(tmp_path / "data")
    for left in (
        "cat/.DS_Store",
        "cat/._0.png",
        "dog/Thumbs.db",
        "desktop.ini",
        ".ipynb_checkpoints/0.png",
        "__MACOSX/1.png",
    ):
        (folder / left).parent.mkdir(exist_ok=True)
        (folder / left).write_bytes(b"x")
    (folder / "cat" / "notes.txt").write_text("x")
    loaded = load(folder)
    assert loaded.train.classes == {"label": ("cat", "dog")}
    assert names(loaded) == [f"{name}/{at}.png" for name in ("cat", "dog") for at in range(3)]
    assert loaded.report.facts["system_files"] == 6
    assert "1 file (cat/notes.txt) is no pictures by the name: not used" in loaded.report.warnings


def test_a_class_folder_without_pictures_is_named(tmp_path, load):
    folder = classes(tmp_path / "data")
    (folder / "bird").mkdir()
    (folder / "fish").mkdir()
    (folder / "fish" / "notes.txt").write_text("x")
    (folder / ".cache").mkdir()
    loaded = load(folder)
    report = loaded.report
    assert report.facts["folders_without_picture"] == 2
    assert any(each.startswith("2 folders (bird, fish) are without a picture") for each in report.warnings)
    assert loaded.train.classes == {"label": ("cat", "dog")}


def test_a_class_that_one_side_alone_has_is_no_empty_folder(tmp_path, load):
    classes(tmp_path / "train", 3)
    classes(tmp_path / "val", 2)
    (tmp_path / "val" / "dog" / "0.png").unlink()
    (tmp_path / "val" / "dog" / "1.png").unlink()
    assert "folders_without_picture" not in load(tmp_path).report.facts


def test_numbered_folders_keep_their_names_and_their_order(tmp_path, load):
    folder = classes(tmp_path, 2, ("10", "2", "1"))
    assert load(folder).train.classes["label"] == ("1", "2", "10")
    classes(tmp_path, 2, ("Käse", "big dog"))
    assert load(folder).train.classes["label"] == ("1", "10", "2", "Käse", "big dog")


def test_an_ending_counts_in_any_case(tmp_path, load):
    folder = classes(tmp_path)
    (folder / "cat" / "IMG_1.JPG").write_bytes(picture((1, 2, 3), form="JPEG"))
    (folder / "dog" / "a.Webp").write_bytes(picture((4, 5, 6), form="WEBP"))
    assert load(folder).report.rows_kept == 8


def test_folders_of_sides_divide_the_pictures(tmp_path, load):
    for side, count in (("train", 3), ("val", 2), ("Test", 1)):
        classes(tmp_path / side, count)
    loaded = load(tmp_path)
    assert (len(loaded.train), len(loaded.validation)) == (6, 4)
    assert loaded.report.rows_dropped == {"test_rows": 2}
    assert "4 of 4 held-out pictures are in training too" in " ".join(loaded.report.warnings)
    with pytest.raises(DataError, match="the folders say which pictures are held out"):
        load(tmp_path, validation_split=0.5)


def test_what_cannot_be_read_is_left_out_by_name_until_it_is_too_much(tmp_path, load):
    folder = classes(tmp_path)
    (folder / "cat" / "cut.png").write_bytes(picture(size=(60, 60))[:60])
    (folder / "dog" / "none.jpg").write_bytes(b"")
    report = load(folder).report
    assert report.rows_dropped == {"unreadable": 2}
    assert report.named["unreadable"] == ["cat/cut.png", "dog/none.jpg"]
    assert any("cat/cut.png: it is" in each and "dog/none.jpg: the file is empty" in each for each in report.warnings)
    with pytest.raises(DataError, match=r"2 of 8 pictures cannot be used: unreadable 2"):
        load(folder, max_rows_lost=0.1)


def test_a_class_that_one_picture_has_and_equal_pictures_of_two_classes_are_told(tmp_path, load):
    folder = classes(tmp_path)
    (folder / "cow").mkdir()
    (folder / "cow" / "1.png").write_bytes(picture((3, 3, 3)))
    assert "there is only one picture of 'cow'" in " ".join(load(folder).report.warnings)
    (folder / "cow" / "2.png").write_bytes((folder / "cat" / "0.png").read_bytes())
    said = " ".join(load(folder, validation_split=0).report.warnings)
    assert "again with another label: cat/0.png and cow/2.png" in said


def test_a_class_whose_pictures_are_all_equal_is_told_as_not_measured(tmp_path, load):
    folder = classes(tmp_path)
    (folder / "cow").mkdir()
    for name in "abc":
        (folder / "cow" / f"{name}.png").write_bytes(picture((3, 3, 3)))
    loaded = load(folder)
    assert "all pictures of 'cow' are equal: they are trained on, and not measured" in loaded.report.warnings
    assert not any("are equal" in each for each in load(folder, stratify=False).report.warnings)


def test_pictures_without_a_folder_or_of_one_class_are_refused(tmp_path, load):
    (tmp_path / "a.png").write_bytes(picture())
    with pytest.raises(DataError, match="no folder of a class"):
        load(tmp_path)
    (tmp_path / "a.png").unlink()
    classes(tmp_path, 3, ("cat",))
    with pytest.raises(DataError, match="fewer than two classes: 'cat'"):
        load(tmp_path)
    with pytest.raises(DataError, match="no table says the number of each picture"):
        load(tmp_path, numbers=True)


def packed(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_an_archive_s_class_folders_without_pictures_are_named(tmp_path, load):
    folder = classes(tmp_path / "data")
    members = {f"data/{file.relative_to(folder)}": file.read_bytes() for file in sorted(folder.rglob("*.png"))}
    empty = {"data/bird/": b"", "data/fish/": b"", "data/fish/notes.txt": b"x", "data/.cache/": b"", "__MACOSX/": b""}
    report = load(packed(tmp_path / "data.zip", {"data/": b"", "data/cat/": b""} | empty | members)).report
    assert report.facts["folders_without_picture"] == 2
    assert any(each.startswith("2 folders (data/bird, data/fish) are without a picture") for each in report.warnings)


def test_an_archive_is_as_its_folder(tmp_path, load):
    folder = classes(tmp_path / "data")
    members = {f"data/{file.relative_to(folder)}": file.read_bytes() for file in sorted(folder.rglob("*.png"))}
    path = packed(tmp_path / "data.zip", members | {"__MACOSX/data/cat/._0.png": b"x", "data/.DS_Store": b"x"})
    zipped, plain = load(path), load(folder)
    assert zipped.fingerprint == plain.fingerprint
    assert zipped.report.facts["system_files"] == 2
    assert zipped.train.pictures.decoded(0).size == (8, 6)
    # What was unpacked is found again, and is not what it was when the archive changes.
    assert load(path).fingerprint == zipped.fingerprint


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"../cat/1.png": picture()}, "leads out of it"),
        ({"/cat/1.png": picture()}, "leads out of it"),
        ({"cat/1.png": b"\0" * 300 * 2**20}, "no set of pictures"),
        ({"readme.txt": b"x"}, "no picture in it"),
    ],
    ids=["above", "absolute", "bomb", "none"],
)
def test_an_archive_that_is_no_set_of_pictures_is_refused(tmp_path, load, members, says):
    with pytest.raises(DataError, match=says):
        load(packed(tmp_path / "a.zip", members))
    (tmp_path / "b.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:-40])
    with pytest.raises(DataError, match="not a whole zip archive"):
        load(tmp_path / "b.zip")
