"""Annotations as Pascal VOC has them: an XML file a picture, with objects of a name and two corners in pixels.

Format: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html. Pixels are taken as they stand there,
where the first is 1 in VOC's own and 0 in most others'. ``ImageSets/Main`` says which pictures are held out.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from runner.data.boxes.box_forms import number_of
from runner.data.boxes.marked_pictures import Mark, MarkedPictures, size_said

#: Files of ``ImageSets/Main``, and the sides that they name.
SETS = {"train.txt": "train", "val.txt": "validation", "test.txt": "test"}
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_voc(
    folder: Path, pictures: Sequence[PurePosixPath], files: set[PurePosixPath], into: MarkedPictures,
    side_of: Mapping[PurePosixPath, str | None],
) -> None:  # fmt: skip
    """The pictures that XML files name, and their boxes."""
    into.corners, into.unit, into.kind, into.named = "xyxy", "pixel", "Pascal VOC", True
    by_name: dict[str, list[PurePosixPath]] = {}
    for picture in pictures:
        for name in {picture.name, picture.stem}:
            by_name.setdefault(name, []).append(picture)
    sides = _sides(folder, files)
    used = set()
    difficult = 0
    for source in sorted((each for each in files if each.suffix.lower() == ".xml"), key=str):
        marks, named, size, fault, hard = _read(folder / source)
        difficult += hard
        own = by_name.get(source.stem, []) or by_name.get(PurePosixPath(named.replace("\\", "/")).name, [])
        own = [each for each in own if each.parent == source.parent] or own
        at = into.add(str(source), str(own[0] if own else source), marks, sides.get(source.stem))
        if size is not None:
            into.said[at] = size
        if fault is not None:
            into.found.fault(at, "unreadable_annotation", fault)
        if len(own) != 1:
            told = f"there is no picture {named or source.stem!r}" if not own else f"{len(own)} pictures are called so"
            into.found.fault(at, "missing_picture", told)
            continue
        into.found.lies_in(at, folder / own[0])
        if into.found.sides[at] is None:
            into.found.sides[at] = side_of.get(own[0])
        used.add(own[0])
    if difficult:
        into.found.facts["difficult_boxes"] = difficult
        into.found.warnings.append(
            (f"{difficult:,} boxes are" if difficult > 1 else "1 box is") + " marked as difficult, which VOC's own "
            "measure leaves out: learned and judged as all others"
        )
    if rest := [str(each) for each in pictures if each not in used]:
        into.found.facts["pictures_without_row"] = len(rest)
        shown = ", ".join(rest[:5]) + (", ..." if len(rest) > 5 else "")
        into.found.warnings.append(f"{len(rest):,} pictures have no annotation, and are not used: {shown}")


def _sides(folder: Path, files: set[PurePosixPath]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in sorted(files, key=str):
        side = SETS.get(each.name) if each.parts[-3:-1] == ("ImageSets", "Main") else None
        if side is not None:
            stems = (folder / each).read_text("utf-8-sig", "replace").split()
            found |= dict.fromkeys(stems, side)
    return found


def _read(path: Path) -> tuple[list[Mark], str, tuple[int, int] | None, str | None, int]:
    """The marks, the picture's name and its size as they are said, why the file cannot be used, and how many of the
    marks are difficult."""
    data = path.read_bytes()
    # Without entities there is nothing that a parser could be made to swell.
    if b"<!ENTITY" in data:
        return [], "", None, "it declares entities, which no annotation needs", 0
    try:
        root = ElementTree.fromstring(data)  # noqa: S314
    except (ElementTree.ParseError, ValueError) as error:
        return [], "", None, f"it is no whole XML: {str(error)[:120]}", 0
    marks, difficult = [], 0
    for each in root.iter("object"):
        box, name = each.find("bndbox"), (each.findtext("name") or "").strip()
        one, two, three, four = (
            float("nan") if box is None else number_of((box.findtext(corner) or "").strip()) for corner in CORNERS
        )
        fault = "unreadable_box" if box is None else None
        difficult += (each.findtext("difficult") or "").strip() == "1"
        marks.append(Mark((one, two, three, four), name or None, fault=fault))
    size = size_said(root.findtext("size/width"), root.findtext("size/height"))
    return marks, (root.findtext("filename") or "").strip(), size, None, difficult
