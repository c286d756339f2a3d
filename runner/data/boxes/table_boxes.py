"""Rows of a table that name, or hold, a picture and the boxes in it.

The boxes of a row are a list of objects ``{"label": ..., "bbox": [...]}``, an object of lists ``{"bbox": [...],
"category": [...]}``, or a list of boxes with the classes in a column beside it; any of them may be JSON in a text. A
table with columns of corners (``xmin``, ``ymin``, ``xmax``, ``ymax``) has a row for each box.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.data.boxes.box_forms import as_numbers, number_of, whole_number
from runner.data.boxes.form_names import Corners
from runner.data.boxes.marked_pictures import Mark, class_word, size_said
from runner.data.column_names import need
from runner.data.images.collected import Collected
from runner.data.images.packed_pictures import PackedPictures
from runner.data.images.table_pictures import IMAGE, TableReader, plain
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.boxes.section import BoxesData

#: What columns, and keys of objects, are usually called, the likeliest first.
BOXES = ("bbox", "bboxes", "box", "boxes", "boundingbox", "boundingboxes", "bndbox")
WHOLE = ("objects", "annotations", "object", "annotation", "instances", "detections")
LABELS = (
    "label", "labels", "category", "categories", "class", "classes", "name", "names", "categoryname", "classname",
    "categoryid", "classid", "labelname", "type",
)  # fmt: skip
#: Columns, or keys, of a box's numbers, and how they are meant.
NUMBERS: tuple[tuple[tuple[str, str, str, str], Corners], ...] = (
    (("xmin", "ymin", "xmax", "ymax"), "xyxy"), (("x1", "y1", "x2", "y2"), "xyxy"),
    (("left", "top", "right", "bottom"), "xyxy"), (("x", "y", "width", "height"), "xywh"),
    (("x", "y", "w", "h"), "xywh"),
    (("left", "top", "width", "height"), "xywh"), (("cx", "cy", "w", "h"), "cxcywh"),
    (("xcenter", "ycenter", "width", "height"), "cxcywh"),
)  # fmt: skip
CROWD = ("iscrowd", "crowd")
#: Columns of the size that a picture is said to have.
SIZES = {"width": ("width", "imagewidth", "imgwidth"), "height": ("height", "imageheight", "imgheight")}
NOTHING = (float("nan"),) * 4


class Unreadable(Exception):
    """Why a row's boxes cannot be read."""


@dataclass
class BoxTableReader(TableReader):
    """Reads the rows of tables into marked pictures."""

    section: BoxesData
    #: Pictures by their cell, where a table has a row a box.
    _seen: dict[tuple[Path, str], int] = field(default_factory=dict)
    #: The forms that names of numbers tell.
    forms: set[Corners] = field(default_factory=set)
    #: By picture, the size that its row says; and the numbers that stood for classes.
    said: dict[int, tuple[int, int]] = field(default_factory=dict)
    classes: set[int] = field(default_factory=set)

    def place(self, found: Collected, at: int, name: str, folder: Path) -> None:
        """The place of the picture of a name below a folder, or the row's fault."""
        self._path(found, at, name, folder, PackedPictures(self.cache, []))

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(self.section.class_names or ())

    def _columns(self, present: list[str], where: str) -> dict[str, str | None]:
        section = self.section
        need(present, section.named_columns, where)
        own = {role: self._whole(name, present) for role, name in section.own_columns.items()}
        free = {plain(name): name for name in reversed(present) if name not in own.values()}

        def usual(role: str, names: Sequence[str]) -> str | None:
            return own.get(role) or next((free[name] for name in names if name in free), None)

        found = {"image": usual("image", IMAGE)}
        found["boxes"] = usual("boxes", (*WHOLE, *BOXES))
        found["labels"] = usual("labels", LABELS)
        if found["labels"] == found["boxes"]:
            found["labels"] = None
        if found["boxes"] is None:
            for keys, corners in NUMBERS:
                if all(key in free for key in keys):
                    self.forms.add(corners)
                    found |= {f"number{at}": free[key] for at, key in enumerate(keys)}
                    break
        for role in ("image", "boxes"):
            if found[role] is None and not (role == "boxes" and "number0" in found):
                raise DataError(
                    f"no column is known as the {'picture' if role == 'image' else role}",
                    where=f"/data/columns/{role}",
                    hint=f'name it: "columns": {{"{role}": ...}}; there are: {", ".join(map(repr, present[:30]))}',
                )
        if "number0" in found and found["labels"] is None:
            raise DataError("no column is known as the classes of boxes", where="/data/columns/labels")
        for side, names in SIZES.items():
            if (column := next((free[name] for name in names if name in free), None)) not in found.values():
                found[side] = column
        return found | {"cell": self.reading.cell}

    def _whole(self, name: str, present: Sequence[str]) -> str:
        """The column that a dotted name lies in."""
        return name if name in present else name.partition(".")[0]

    def _row(
        self, found: Collected, row: Mapping[str, Any], line: int, columns: Mapping[str, str | None], file: Path,
        side: str | None, packed: PackedPictures,
    ) -> None:  # fmt: skip
        if "number0" in columns:
            self._one_box(found, row, line, columns, file, side, packed)
            return
        try:
            marks, fault = self._marks(row, columns), None
        except Unreadable as error:
            marks, fault = [], str(error)
        super()._row(found, row, line, {"image": columns["image"], "cell": columns["cell"]}, file, side, packed)
        found.labels[-1] = marks
        self._size(row, columns, len(found) - 1)
        if fault is not None:
            found.fault(len(found) - 1, "unreadable_boxes", fault)

    def _one_box(
        self, found: Collected, row: Mapping[str, Any], line: int, columns: Mapping[str, str | None], file: Path,
        side: str | None, packed: PackedPictures,
    ) -> None:  # fmt: skip
        numbers = [number_of(row.get(str(columns[f"number{at}"]))) for at in range(4)]
        label, bare = row.get(str(columns["labels"])), all(number != number for number in numbers)
        key = (file, str(row.get(str(columns["image"]))))
        if (at := self._seen.get(key)) is None:
            super()._row(found, row, line, {"image": columns["image"], "cell": columns["cell"]}, file, side, packed)
            at = self._seen[key] = len(found) - 1
            found.labels[at] = []
            self._size(row, columns, at)
        if not (bare and label in (None, "")):
            # A row without any number is a picture without a box.
            found.labels[at].append(self._mark(numbers, label))

    def _size(self, row: Mapping[str, Any], columns: Mapping[str, str | None], at: int) -> None:
        width, height = (row.get(str(columns.get(side))) for side in SIZES)
        if (size := size_said(width, height)) is not None:
            self.said[at] = size

    def _marks(self, row: Mapping[str, Any], columns: Mapping[str, str | None]) -> list[Mark]:
        """The boxes of a row. Raises :class:`Unreadable`."""
        own = self.section.own_columns
        cell = self._cell(row, own.get("boxes") or str(columns["boxes"]))
        labels = None
        if (name := own.get("labels") or columns["labels"]) is not None:
            labels = self._cell(row, name)
        elif name := own.get("boxes", ""):
            labels = self._beside(row, name)
        if cell is None:
            raise Unreadable("there is no list of boxes; an empty one, [], says that there are none")
        if isinstance(cell, Mapping):
            boxes = _of(cell, BOXES)
            if boxes is not None:
                labels = _of(cell, LABELS) if labels is None else labels
                return self._parallel(boxes, labels, _of(cell, CROWD))
            if not cell:
                return []
            return [self._object(cell)]
        if not isinstance(cell, Sequence) or isinstance(cell, str):
            raise Unreadable(f"its boxes are {type(cell).__name__}, and no list")
        if len(cell) == 4 and all(isinstance(each, int | float) for each in cell):
            cell, labels = [cell], [labels] if not isinstance(labels, list) else labels
        if labels is None and all(isinstance(each, Mapping) for each in cell):
            return [self._object(each) for each in cell]
        return self._parallel(cell, labels, None)

    def _beside(self, row: Mapping[str, Any], name: str) -> Any:
        """The classes by a usual name in the object, or the objects, that a dotted name of boxes lies in; else None."""
        whole = self._cell(row, name.rpartition(".")[0]) if name not in row and "." in name else None
        if isinstance(whole, list):
            own = [_of(each, LABELS) if isinstance(each, Mapping) else None for each in whole]
            return own if any(each is not None for each in own) else None
        return _of(whole, LABELS) if isinstance(whole, Mapping) else None

    def _cell(self, row: Mapping[str, Any], name: str) -> Any:
        """A cell, of JSON if it is a text of it; by a dotted name, what lies in it."""
        head, _, rest = (name, "", "") if name in row else name.partition(".")
        value = row.get(head)
        if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
            try:
                value = json.loads(value)
            except ValueError:
                import ast

                # What Python prints of a list, as a table's writer leaves it.
                try:
                    value = ast.literal_eval(value.strip())
                except (ValueError, SyntaxError, MemoryError, RecursionError):
                    raise Unreadable(f"its boxes are no JSON: {value[:80]!r}") from None
        for key in rest.split(".") if rest else ():
            if isinstance(value, list):
                value = [each.get(key) if isinstance(each, Mapping) else None for each in value]
            else:
                value = value.get(key) if isinstance(value, Mapping) else None
        return value if value != "" else None

    def _parallel(self, boxes: Any, labels: Any, crowd: Any) -> list[Mark]:
        if not isinstance(boxes, Sequence) or isinstance(boxes, str):
            raise Unreadable("its boxes are no list")
        if labels is None and boxes:
            raise Unreadable("its boxes have no classes")
        labels = labels if isinstance(labels, list) else [labels] if boxes else []
        if len(labels) != len(boxes):
            raise Unreadable(f"it has {len(boxes)} boxes and {len(labels)} classes")
        crowds = crowd if isinstance(crowd, list) and len(crowd) == len(boxes) else [False] * len(boxes)
        return [self._mark(box, label, flag) for box, label, flag in zip(boxes, labels, crowds, strict=True)]

    def _object(self, each: Mapping[str, Any]) -> Mark:
        box, label = _of(each, BOXES), _of(each, LABELS)
        return self._mark(each if box is None else box, label, _of(each, CROWD))

    def _mark(self, box: Any, label: Any, crowd: Any = False) -> Mark:
        if isinstance(box, Mapping):
            named = {plain(str(key)): value for key, value in box.items()}
            for keys, corners in NUMBERS:
                if all(key in named for key in keys):
                    self.forms.add(corners)
                    box = [named[key] for key in keys]
                    break
        numbers = as_numbers(box)
        fault = "unreadable_box" if numbers is None else None
        word = None
        if isinstance(label, str) and label in self.section.missing_values:
            label = None
        if (number := whole_number(label)) is not None and not (isinstance(label, str) and label in self._names):
            self.classes.add(number)
        try:
            word = class_word(label, self._names)
        except KeyError:
            fault = fault or "unknown_category"
        if self._names and word is not None and word not in self._names:
            fault = fault or "unknown_category"
        one, two, three, four = numbers or NOTHING
        return Mark(
            (one, two, three, four), word, bool(crowd), fault or (None if word is not None else "missing_label")
        )


def _of(cell: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The value of the first usual name."""
    named = {plain(str(key)): value for key, value in cell.items()}
    return next((named[name] for name in names if named.get(name) is not None), None)
