"""Annotations as COCO has them: one JSON file of images, categories and annotations with boxes, ``xywh`` in pixels.

Format: https://cocodataset.org/#format-data. Ids of categories may be sparse, and are left behind: a class is its name.
A category's supercategory is not read. Of an annotation that has polygons and no box, the box around them is taken, as
COCO's own boxes are; a mask of run lengths has to have its box.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from runner.data.boxes.box_forms import as_numbers, number_of, whole_number
from runner.data.boxes.marked_pictures import Mark, MarkedPictures, size_said
from runner.data.boxes.table_boxes import BoxTableReader
from runner.data.images.pictures import SUFFIXES
from runner.errors import DataError

NONE = (float("nan"),) * 4
#: Keys by which a file is known as one of these.
KEYS = frozenset(("images", "annotations"))
#: Beginning of names of such files, which are followed by the folder of their pictures: ``instances_train2017.json``.
PREFIXES = ("instances_", "annotations_", "_annotations.")


def is_coco(path: Path) -> bool:
    """Whether a file is one, by its first MiB: an object that names both keys, or one of them where it is longer."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(1 << 20).removeprefix(b"\xef\xbb\xbf").strip()
    if not head.startswith(b"{"):
        return False
    if path.stat().st_size <= 1 << 20:
        return all(f'"{key}"'.encode() in head for key in KEYS)
    return any(f'"{key}"'.encode() in head for key in KEYS)


def read_coco(reader: BoxTableReader, path: Path, into: MarkedPictures, root: Path, side: str | None = None) -> None:
    """The pictures of a file and their boxes. ``root``: the folder below which pictures are looked for."""
    where = f"{reader.pointer}: {path}"
    document = _document(path, where)
    names = _categories(document, where)
    twice = sorted(name for name, count in Counter(names.values()).items() if count > 1)
    if twice:
        into.found.warnings.append(
            f"several categories of {path.name} are called {', '.join(map(repr, twice))}: they are one class"
        )
    into.classes = tuple(dict.fromkeys([*into.classes, *names.values()]))
    into.corners, into.unit, into.kind = "xywh", "pixel", "COCO"
    images = _images(document, where)
    marks: dict[Any, list[Mark]] = {key: [] for key in images}
    lost: Counter[str] = Counter()
    polygons: Counter[Any] = Counter()
    for annotation in document["annotations"] or ():
        if not isinstance(annotation, Mapping):
            lost["no object"] += 1
        elif (own := marks.get(_id(annotation.get("image_id")))) is None:
            lost[f"picture {annotation.get('image_id')!r}"] += 1
        else:
            box, around = _box(annotation)
            own.append(_mark(annotation, box, names))
            if around:
                polygons[_id(annotation.get("image_id"))] += 1
    if lost:
        shown = ", ".join(name for name, _ in lost.most_common(5)) + (", ..." if len(lost) > 5 else "")
        into.found.warnings.append(
            f"{sum(lost.values()):,} annotations of {path.name} belong to no picture of it, and are not used: {shown}"
        )
        into.found.facts["annotations_without_picture"] = sum(lost.values())
    folder = _folder(reader, path, root, images)
    known = set()
    for key, image in images.items():
        name = image.get("file_name")
        at = into.add(str(name or f"image {key}"), str(name or f"image {key}"), marks[key], side)
        if (size := size_said(image.get("width"), image.get("height"))) is not None:
            into.said[at] = size
        if polygons[key]:
            into.found.change(at, "boxes_around_polygons")
        if not isinstance(name, str) or not name.strip():
            into.found.fault(at, "missing_picture", "it has no file_name")
            continue
        reader.place(into.found, at, name, folder)
        known.add(name)
    if polygons:
        into.found.facts["boxes_around_polygons"] = into.found.facts.get("boxes_around_polygons", 0) + polygons.total()
    _tell_of_rest(into, folder, known)


def _document(path: Path, where: str) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"not JSON: {str(error)[:200]}", where=where, hint="was it cut off while it was copied?"
        ) from None
    for key in KEYS:
        if not isinstance(document.get(key) if isinstance(document, dict) else None, list):
            raise DataError(
                f"the file has no list of {key}", where=where, hint="COCO files have images, annotations, categories"
            )
    return dict(document)


def _categories(document: Mapping[str, Any], where: str) -> dict[Any, str]:
    """Names by id, in the order of the ids. Raises :class:`DataError` for an id of two names."""
    found: dict[Any, str] = {}
    listed = document.get("categories") or []
    if not isinstance(listed, list):
        raise DataError("categories are no list", where=where, hint='each is an object: {"id": 1, "name": "tram"}')
    entries = [each for each in listed if isinstance(each, Mapping)]
    for entry in entries:
        if not isinstance(entry.get("id"), int | float | str):
            raise DataError(f"a category without an id: {str(dict(entry))[:100]}", where=where)
    for key, entry in sorted(((_id(each["id"]), each) for each in entries), key=lambda own: _in_order(own[0])):
        name = str(entry.get("name") or "").strip() or str(key)
        if key in found and found[key] != name:
            raise DataError(f"two categories have the id {key!r}: {found[key]!r} and {name!r}", where=where,
                            hint="files that were put together have to be numbered anew")  # fmt: skip
        found[key] = name
    if not found:
        raise DataError("there are no categories, so that boxes have no class", where=where)
    return found


def _images(document: Mapping[str, Any], where: str) -> dict[Any, Mapping[str, Any]]:
    found: dict[Any, Mapping[str, Any]] = {}
    for image in document["images"]:
        if not isinstance(image, Mapping) or image.get("id") is None:
            raise DataError(f"an image without an id: {str(image)[:100]}", where=where)
        key = _id(image["id"])
        if key in found:
            both = f"{found[key].get('file_name')!r} and {image.get('file_name')!r}"
            hint = "files that were put together have to be numbered anew"
            raise DataError(f"two images have the id {image['id']!r}: {both}", where=where, hint=hint)
        found[key] = image
    return found


def _id(value: Any) -> Any:
    """An id to look up by: some programs write numbers as texts, and those that lay tables out as ``1.0``."""
    number = whole_number(value)
    return str(value) if number is None else number


def _in_order(key: Any) -> tuple[bool, Any]:
    return isinstance(key, str), key


def _box(annotation: Mapping[str, Any]) -> tuple[Any, bool]:
    """An annotation's box, and whether it is that around its polygons: it has these alone."""
    box, outline = annotation.get("bbox"), annotation.get("segmentation")
    if box not in (None, []) or not isinstance(outline, list) or not outline:
        return box, False
    points = [_points(each) for each in outline]
    if any(each is None for each in points):
        return box, False
    across = [x for each in points if each for x in each[::2]]
    down = [y for each in points if each for y in each[1::2]]
    return [min(across), min(down), max(across) - min(across), max(down) - min(down)], True


def _points(polygon: Any) -> list[float] | None:
    """The numbers of a polygon, ``x, y, x, y, ...``; None for what is none, which has three points at least."""
    if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
        return None
    numbers = [number_of(each) for each in polygon]
    return numbers if all(isfinite(each) for each in numbers) else None


def _mark(annotation: Mapping[str, Any], box: Any, names: Mapping[Any, str]) -> Mark:
    numbers = as_numbers(box)
    label = names.get(_id(annotation.get("category_id")))
    fault = "unknown_category" if numbers is not None and label is None else None
    if numbers is None:
        fault = "mask_without_box" if box in (None, []) and annotation.get("segmentation") else "unreadable_box"
    one, two, three, four = numbers or NONE
    return Mark((one, two, three, four), label, bool(annotation.get("iscrowd")), fault)


def _folder(reader: BoxTableReader, path: Path, root: Path, images: Mapping[Any, Mapping[str, Any]]) -> Path:
    """The folder that names of files count from: the first that has a picture of them."""
    if reader.section.image_folder is not None:
        return Path(reader.section.image_folder)
    stem = path.stem
    for prefix in PREFIXES:
        stem = stem.removeprefix(prefix)
    places = [each / below for each in (path.parent, root) for below in ("", "images", stem, f"images/{stem}")]
    names = [str(image.get("file_name")).replace("\\", "/") for image in list(images.values())[:20]]
    return next((each for each in places if any((each / name).is_file() for name in names)), path.parent)


def _tell_of_rest(into: MarkedPictures, folder: Path, known: set[str]) -> None:
    """Say of pictures beside those that the file does not name."""
    there = {each.name for each in folder.iterdir() if each.suffix.lower() in SUFFIXES} if folder.is_dir() else set()
    rest = sorted(there - {name.replace("\\", "/").rpartition("/")[2] for name in known})
    if rest and len(rest) < len(there):
        into.found.facts["pictures_without_row"] = into.found.facts.get("pictures_without_row", 0) + len(rest)
        shown = ", ".join(rest[:5]) + (", ..." if len(rest) > 5 else "")
        into.found.warnings.append(f"the annotations name {len(rest):,} pictures of {folder.name} not: {shown}")
