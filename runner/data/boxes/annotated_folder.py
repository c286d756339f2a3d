"""What kind of annotations a path has: a COCO file, labels of YOLO, XML of Pascal VOC, or a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from runner.data import holdout
from runner.data.boxes.coco_annotations import is_coco, read_coco
from runner.data.boxes.marked_pictures import MarkedPictures, need_from_zero
from runner.data.boxes.table_boxes import BoxTableReader
from runner.data.boxes.voc_annotations import read_voc
from runner.data.boxes.yolo_labels import NAMES, YAML, labels_of, read_yolo
from runner.data.images.picture_tree import INDEX, is_system, walked
from runner.data.images.pictures import SUFFIXES
from runner.data.images.table_pictures import Reading
from runner.data.records.data_files import container_of
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.boxes.section import BoxesData

#: Words for a side of a split in names of folders and files.
SIDES = {
    word: side
    for side, own in zip(
        ("train", "validation", "test"), (holdout.TRAIN, holdout.VALIDATION, holdout.TEST), strict=True
    )
    for word in own
}


def collect(section: BoxesData, path: str, pointer: str, cache: Path) -> MarkedPictures:
    """The pictures of a path and their boxes. Raises :class:`DataError` for a path whose annotations are not known."""
    into = MarkedPictures()
    reader = BoxTableReader(Reading.of(section), cache, pointer, section)
    where = f"{pointer}: {path}"
    place = Path(path).expanduser()
    if place.is_dir():
        _folder(section, reader, place, where, into)
    elif place.suffix.lower() in (".yaml", ".yml"):
        _folder(section, reader, place.parent, where, into, only="YOLO")
    elif place.suffix.lower() == ".zip":
        raise DataError(
            "pictures with boxes are not read from an archive", where=where, hint="unpack it, and name the folder"
        )
    elif is_coco(place):
        read_coco(reader, place, into, place.parent)
    else:
        reader.read(into.found, path)
    if len(reader.forms) > 1:
        raise DataError(
            f"the numbers of boxes are called in several ways: {', '.join(sorted(reader.forms))}", where=where,
            hint="the boxes of one data set are written alike",
        )  # fmt: skip
    if reader.forms:
        into.corners, into.named = next(iter(reader.forms)), True
    into.said |= reader.said
    need_from_zero(reader.classes, section.class_names or (), where)
    return into


def _folder(
    section: BoxesData, reader: BoxTableReader, folder: Path, where: str, into: MarkedPictures, only: str | None = None
) -> None:
    names = list(walked(folder, where))
    system = [name for name in names if is_system(name)]
    if system:
        into.found.facts["system_files"] = len(system)
    files = {name for name in names if not is_system(name)}
    pictures = sorted((name for name in files if name.suffix.lower() in SUFFIXES), key=str)
    kinds = _kinds(folder, files, pictures)
    if only is not None:
        kinds = {kind: own for kind, own in kinds.items() if kind == only}
    if len(kinds) != 1:
        told = "; ".join(f"{kind}: {', '.join(map(str, own[:3]))}" for kind, own in kinds.items())
        known = "COCO (.json), YOLO (.txt and data.yaml), Pascal VOC (.xml), or a table such as metadata.jsonl"
        raise DataError(
            f"the folder has annotations of several kinds: {told}" if kinds else "the folder has no known annotations",
            where=where,
            hint="name one file of them as the dataset" if kinds else f"{known} with a picture and its boxes a row",
        )  # fmt: skip
    kind, own = next(iter(kinds.items()))
    if kind == "YOLO":
        read_yolo(folder, pictures, files, into, section.class_names, where, _sides(pictures))
    elif kind == "Pascal VOC":
        read_voc(folder, pictures, files, into, _sides(pictures))
    else:
        sides = _sides(own)
        if len(own) > 1 and (None in sides.values() or "train" not in sides.values()):
            raise DataError(
                f"the folder has several files of annotations: {', '.join(map(str, own[:5]))}", where=where,
                hint="name one of them as the dataset, or call them train and validation",
            )  # fmt: skip
        for source in own:
            side = sides[source] if len(own) > 1 else None
            if kind == "COCO":
                read_coco(reader, folder / source, into, folder, side)
            else:
                reader.read(into.found, folder / source, side)


def _kinds(
    folder: Path, files: set[PurePosixPath], pictures: Sequence[PurePosixPath]
) -> dict[str, list[PurePosixPath]]:
    """The files of annotations by their kind."""
    texts = [each for picture in pictures for each in labels_of(picture) if each in files and each.name not in NAMES]
    described = [each for each in files if each.name.lower() in YAML]
    xml = [each for each in files if each.suffix.lower() == ".xml"]
    coco = [each for each in files if is_coco(folder / each)]
    tables = [each for each in files if container_of(each.name) is not None and each not in coco]
    called = [each for each in tables if each.name.partition(".")[0].lower() in INDEX]
    found = {"YOLO": texts or described, "Pascal VOC": xml, "COCO": coco}
    if not any(found.values()):
        found["table"] = called or tables
    return {kind: sorted(own, key=str) for kind, own in found.items() if own}


def _sides(names: Sequence[PurePosixPath]) -> Mapping[PurePosixPath, str | None]:
    """The side that each file's folders, or its own name, say; of pictures only where some are of training."""
    found = {name: _side(name) for name in names}
    return found if "train" in found.values() else dict.fromkeys(names)


def _side(name: PurePosixPath) -> str | None:
    own = (
        "".join(each if each.isalpha() else " " for each in name.stem.lower()).split() if name.suffix == ".json" else []
    )
    words = [each.lower() for each in name.parts[:-1]] + own
    words += [each.rstrip("0123456789") for each in words]
    return next((SIDES[word] for word in words if word in SIDES), None)
