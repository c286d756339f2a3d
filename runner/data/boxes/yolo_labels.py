"""Labels as YOLO has them: beside each picture a text file with a line a box, ``class cx cy w h`` as shares of it.

Format: https://docs.ultralytics.com/datasets/detect. Names of classes are in ``data.yaml``, ``classes.txt`` or
``obj.names``. A picture without such a file, or with an empty one, has no boxes, and is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from runner.data.boxes.box_forms import number_of, whole_number
from runner.data.boxes.marked_pictures import Mark, MarkedPictures, need_from_zero
from runner.errors import DataError

NAMES = ("classes.txt", "obj.names", "labels.txt", "classes.names")
YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")


def labels_of(picture: PurePosixPath) -> list[PurePosixPath]:
    """Where the labels of a picture may be: in the folder ``labels`` beside ``images``, or beside it."""
    parts = list(picture.parts)
    found = [picture.with_suffix(".txt")]
    if "images" in parts[:-1]:
        at = len(parts) - 2 - parts[:-1][::-1].index("images")
        found.insert(0, PurePosixPath(*parts[:at], "labels", *parts[at + 1 :]).with_suffix(".txt"))
    return found


def read_yolo(
    folder: Path, pictures: Sequence[PurePosixPath], files: set[PurePosixPath], into: MarkedPictures,
    class_names: Sequence[str] | None, where: str, side_of: Mapping[PurePosixPath, str | None],
) -> None:  # fmt: skip
    """The pictures of a folder and their boxes."""
    own_names, keypoints = class_list(folder, files, where)
    names = tuple(class_names or own_names)
    classes: set[int] = set()
    into.classes, into.corners, into.unit, into.kind = names, "cxcywh", "relative", "YOLO"
    bare, odd = [], Counter[str]()
    for picture in pictures:
        source = next((each for each in labels_of(picture) if each in files), None)
        marks = [] if source is None else _marks(folder / source, names, keypoints, odd, classes)
        at = into.add(str(picture), str(picture), marks, side_of.get(picture))
        into.found.lies_in(at, folder / picture)
        if source is None:
            bare.append(str(picture))
    need_from_zero(classes, names, where)
    if bare:
        into.found.facts["pictures_without_labels"] = len(bare)
        shown = ", ".join(bare[:5]) + (", ..." if len(bare) > 5 else "")
        into.found.warnings.append(
            f"{len(bare):,} pictures have no file of labels, and count as without boxes: {shown}"
        )
    into.found.facts |= dict(sorted(odd.items()))
    if many := odd["boxes_with_confidence"]:
        into.found.warnings.append(
            f"{many:,} boxes have a sixth number, as what a program has found has its confidence: it is not used, and "
            "the boxes count as true"
        )


def class_list(folder: Path, files: set[PurePosixPath], where: str) -> tuple[list[str], int]:
    """The names of classes in their order, none where no file says them, and how many numbers of keypoints a line has
    behind its box."""
    own = sorted((each for each in files if each.name.lower() in (*YAML, *NAMES)), key=lambda each: len(each.parts))
    for each in own:
        text = (folder / each).read_text("utf-8-sig", "replace")
        if each.name.lower() in NAMES:
            return [line.strip() for line in text.splitlines() if line.strip()], 0
        return _described(text, f"{where}/{each}")
    return [], 0


def _described(text: str, where: str) -> tuple[list[str], int]:
    import yaml

    try:
        document = yaml.safe_load(text) or {}
        names: Any = document.get("names")
    except (yaml.YAMLError, AttributeError) as error:
        raise DataError(f"not YAML of a data set: {str(error)[:200]}", where=where) from None
    if isinstance(names, Mapping):
        numbers = sorted(names)
        if numbers != list(range(len(numbers))):
            raise DataError(f"the names of classes are not numbered from 0 without a gap: {numbers[:10]}", where=where)
        names = [names[at] for at in numbers]
    if not isinstance(names, list) or not names:
        raise DataError("it has no names of classes", where=where, hint="names: [car, bus]")
    count = document.get("nc")
    if isinstance(count, int) and count != len(names):
        raise DataError(
            f"it says that there are {count} classes (nc), and names {len(names)}",
            where=where,
            hint="mend nc or names: a name that lacks moves all that come after it to another class",
        )
    shape = document.get("kpt_shape")
    numbers = [each for each in shape if isinstance(each, int) and each > 0] if isinstance(shape, list) else []
    return [str(name).strip() for name in names], numbers[0] * numbers[1] if len(numbers) == 2 else 0


def _marks(path: Path, names: tuple[str, ...], keypoints: int, odd: Counter[str], classes: set[int]) -> list[Mark]:
    """The boxes of a file. A line of more numbers is a polygon, whose box is taken; any other is a faulty box.

    Behind a box there may stand so many numbers of ``keypoints``. ``odd`` counts those that are no plain boxes,
    ``classes`` are the numbers that stand for classes.
    """
    found = []
    for line in path.read_text("utf-8-sig", "replace").splitlines():
        words = line.split()
        if not words:
            continue
        numbers = [number_of(word) for word in words[1:]]
        fault = None
        if keypoints and len(numbers) == 4 + keypoints:
            numbers = numbers[:4]
            odd["boxes_with_keypoints"] += 1
        elif len(numbers) == 5:
            # A confidence behind the box, as a program's own predictions have.
            numbers = numbers[:4]
            odd["boxes_with_confidence"] += 1
        elif len(numbers) >= 6 and len(numbers) % 2 == 0:
            across, down = numbers[::2], numbers[1::2]
            wide, high = max(across) - min(across), max(down) - min(down)
            numbers = [min(across) + wide / 2, min(down) + high / 2, wide, high]
            odd["boxes_around_polygons"] += 1
        elif len(numbers) != 4:
            fault, numbers = "unreadable_box", [float("nan")] * 4
        label = words[0]
        # Programs that write a line from one array of fractions have a class of "2.0".
        if (number := whole_number(label)) is not None:
            classes.add(number)
            label = names[number] if 0 <= number < len(names) else str(number)
            fault = fault or (None if number >= 0 and (number < len(names) or not names) else "unknown_category")
        elif names and label not in names:
            fault = fault or "unknown_category"
        found.append(Mark((numbers[0], numbers[1], numbers[2], numbers[3]), label, fault=fault))
    return found
