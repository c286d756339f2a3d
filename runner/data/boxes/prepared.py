"""From a data section to two splits of pictures with boxes: collect, look, find the boxes' form, mend, draw, divide."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import DataReport, LoadContext, LoadedData
from runner.contract.quantities import counted
from runner.data.boxes.annotated_folder import collect
from runner.data.boxes.box_forms import FAULTS, BoxForm, Finding, find_form, usable
from runner.data.boxes.box_side import Boxes, BoxSplit
from runner.data.boxes.marked_pictures import Mark, MarkedPictures, in_order
from runner.data.dialogues.row_preparation import Warn, row_counts, warner
from runner.data.images.picture_targets import Targets
from runner.data.images.prepared import SHOWN, look_at, need_rows
from runner.data.images.splitting import divide, draw
from runner.data.role_files import SAMPLE
from runner.data.table_rows.values import LOOK_ALIKE, alike, ascii_told
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.boxes.section import BoxesData
    from runner.data.images.picture_look import Looked

#: What is said of boxes that are not used, or otherwise than they stand.
WORDS = {
    "box_not_finite": "have a number that is none",
    "box_without_size": "have no size, or a negative one",
    "box_below_pixel": "are smaller than a pixel each way, as shares of a picture are that are taken for pixels",
    "box_outside": "lie outside of their picture",
    "unreadable_box": "are no four numbers",
    "mask_without_box": "have a mask that is no polygon, and no bbox: write the bbox of each beside it",
    "missing_label": "have no class",
    "unknown_category": "are of a class that is not among those that are named",
    "duplicate_box": "are there twice in one picture, with the same class",
    "box_clipped": "reach beyond their picture, and are cut off at its edge",
    "box_at_edge": "reach beyond their picture by less than a pixel, as rounding makes them, and end at its edge",
}
CHANGES = ("box_clipped", "box_at_edge")


@dataclass
class _Read:
    """What one path gave."""

    marked: MarkedPictures
    #: Usable rows: int64 ``[k]``.
    kept: np.ndarray
    looked: Looked
    #: By row, its marks that are used, with their corners.
    boxes: dict[int, list[tuple[Mark, np.ndarray]]] = field(default_factory=dict)
    form: BoxForm | None = None
    counts: Counter[str] = field(default_factory=Counter)


def prepare(section: BoxesData, context: LoadContext) -> LoadedData:
    """:meth:`BoxesData.load`, step by step."""
    report = context.report
    report.layout = section.layout

    warn = warner(context)
    read = _read(section, section.source, "/data/dataset", context.cache, report, warn)
    found, kept = read.marked.found, read.kept
    need_rows(section, report, kept, found, read.looked)
    keys = read.looked.keys[kept]
    if section.max_samples is not None and section.max_samples < len(kept):
        drawn = draw(section, keys, np.zeros(len(kept)))
        report.drop("not_sampled", found.named(np.delete(kept, drawn)))
        kept, keys = kept[drawn], keys[drawn]
    sides = divide(section, found, kept, keys, Targets(np.zeros(len(kept))), warn)
    report.drop("test_rows", found.named(kept[sides.test]))
    report.drop("missing_time", found.named(kept[sides.without_time]))
    record: dict[str, Any] = {"dataset": section.dataset}
    other = None
    if section.validation_data is not None:
        other = _other(section, context, warn, record)
    classes = _classes(section, [read, *([other] if other else [])], kept)
    for same in alike(classes):
        warn(f"{', '.join(map(ascii_told, same))} {LOOK_ALIKE}")
    learned = _split(read, kept[sides.train], classes, None if sides.groups is None else sides.groups[sides.train])
    if other is not None:
        held = _split(other, other.kept, classes, None)
    else:
        held = _split(
            read, kept[sides.validation], classes, None if sides.groups is None else sides.groups[sides.validation]
        )
    _tell(learned, held, section.split_column or section.validation_data or any(found.sides), warn)
    report.facts |= {"annotations": read.marked.kind, **found.facts, **read.looked.facts}
    if read.form is not None:
        report.facts["box_form"] = str(read.form)
    boxes = sum(map(len, learned.boxes)) + (0 if other else sum(map(len, held.boxes)))
    report.facts |= {"boxes": boxes, "pictures_without_boxes": sum(not len(each) for each in learned.boxes)}
    report.facts |= {f"boxes_{reason}": count for reason, count in sorted(read.counts.items())}
    if crowds := sum(int(each.crowd.sum()) for side in (learned, held) for each in side.boxes):
        report.facts["boxes_around_crowds"] = f"{crowds:,}: not learned, and what is found in them is not judged"
    labels = np.concatenate([each.labels for each in learned.boxes])
    report.facts["classes"] = dict(zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True))
    record |= row_counts(report, learned, held)
    return LoadedData(learned, held, _fingerprint(learned, held), record, report, section.max_rows_lost)


def _read(section: BoxesData, path: str, pointer: str, cache: Path, report: DataReport, warn: Warn) -> _Read:
    """All pictures of a path and their usable boxes."""
    marked = collect(section, path, pointer, cache)
    found = marked.found
    report.rows_read += len(found)
    if not len(found):
        raise DataError("there is no picture in it", where=f"{pointer}: {path}")
    for sentence in found.warnings:
        warn(sentence, pointer)
    fit = np.ones(len(found), bool)
    fit[list(found.faults)] = False
    looked = look_at(found, fit, {}, report, warn, pointer)
    read = _Read(marked, np.flatnonzero(fit), looked)
    _tell_sizes(read, warn, pointer)
    _find_form(section, read, pointer, path, warn)
    _take_boxes(section, read, report, warn, pointer)
    return read


def _find_form(section: BoxesData, read: _Read, pointer: str, path: str, warn: Warn) -> None:
    """The form of the boxes. Raises :class:`DataError` where it cannot be known, with the rows that do not fit."""
    marked = read.marked
    rows = [at for at in read.kept.tolist() for mark in marked.found.labels[at] if mark.fault is None]
    numbers = [mark.numbers for at in read.kept.tolist() for mark in marked.found.labels[at] if mark.fault is None]
    corners, unit = section.box_format or marked.corners, section.box_unit or marked.unit
    if section.dataset == SAMPLE and pointer == "/data/dataset":
        corners, unit = "xyxy", "pixel"
    if not numbers:
        read.form = BoxForm(corners or "xyxy", unit or "pixel")
        return
    sizes = read.looked.sizes[rows]
    finding: Finding = find_form(np.array(numbers, np.float64), sizes, corners, unit, marked.named)
    if finding.form is None:
        names = list(dict.fromkeys(_called(read, rows[at]) for at in finding.bad))
        shown = ": " + ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "") if names else ""
        raise DataError(f"{finding.words}{shown}", where=f"{pointer}: {path}", hint=finding.hint)
    if finding.words:
        warn(finding.words, "/data/box_format")
    read.form = finding.form


def _tell_sizes(read: _Read, warn: Warn, pointer: str) -> None:
    """Warn of pictures that are of another size than their annotations say: their boxes may be of that other size.

    Width and height are exchanged where a picture is turned as its EXIF says. Some programs mark boxes on the picture
    as it is seen and write the size as it lies in the file, and others do neither: nothing tells which.
    """
    told: dict[bool, list[str]] = {False: [], True: []}
    for at in read.kept.tolist():
        said, there = read.marked.said.get(at), tuple(map(int, read.looked.sizes[at]))
        if said is not None and said != there:
            sentence = f"{_called(read, at)} is {there[0]}x{there[1]}, and said to be {said[0]}x{said[1]}"
            told[sorted(said) == sorted(there)].append(sentence)
    for exchanged, own in told.items():
        shown = "; ".join(own[:SHOWN]) + ("; ..." if len(own) > SHOWN else "")
        what, why = (
            ("as wide as annotations say that they are high", "of the picture as its EXIF turns it")
            if exchanged
            else ("of another size than annotations say", "as they stand")
        )
        if own:
            count = counted(len(own), "pictures")
            warn(f"{count} {what}, whose boxes are read {why} and may be misplaced: {shown}", pointer)


def _called(read: _Read, at: int) -> str:
    row = read.marked.found.rows[at]
    return row if isinstance(row, str) else f"row {row}"


def _take_boxes(section: BoxesData, read: _Read, report: DataReport, warn: Warn, pointer: str) -> None:
    """Keep what can be used of the boxes, and count the rest by its reason. Raises where too many are lost."""
    assert read.form is not None
    rows: dict[str, list[int]] = {}
    total = lost = 0
    for at in read.kept.tolist():
        marks: list[Mark] = read.marked.found.labels[at]
        size = (int(read.looked.sizes[at, 0]), int(read.looked.sizes[at, 1]))
        corners, words = usable(np.array([mark.numbers for mark in marks], np.float64).reshape(-1, 4), size, read.form)
        own: list[tuple[Mark, np.ndarray]] = []
        seen = set()
        for mark, box, word in zip(marks, corners, words, strict=True):
            reason = (
                mark.fault or (word if word in FAULTS else None) or ("missing_label" if mark.label is None else None)
            )
            if reason is None and section.class_names and mark.label not in section.class_names:
                reason = "unknown_category"
            if reason is None:
                key = (mark.label, mark.crowd, *box.tolist())
                reason = "duplicate_box" if key in seen else None
                seen.add(key)
            if reason is None:
                own.append((mark, box))
            elif reason != "duplicate_box":
                lost += 1
            total += 1
            if reason := reason or word:
                read.counts[reason] += 1
                rows.setdefault(reason, []).append(at)
        read.boxes[at] = own
    for reason, where in rows.items():
        pictures = list(dict.fromkeys(where))
        report.change(reason, read.marked.found.named(pictures))
        shown = ", ".join(_called(read, at) for at in pictures[:SHOWN]) + (", ..." if len(pictures) > SHOWN else "")
        after = "" if reason in CHANGES else ", and are not used"
        warn(f"{len(where):,} of {total:,} boxes {WORDS[reason]}{after}: {shown}", pointer)
    if lost > section.max_rows_lost * total:
        told = ", ".join(f"{reason} {count:,}" for reason, count in read.counts.items() if reason not in CHANGES)
        raise DataError(
            f"{lost:,} of {total:,} boxes cannot be used: {told}", where="/data/max_rows_lost",
            hint="mend them, or allow it: data.max_rows_lost is the share that may be lost",
        )  # fmt: skip


def _classes(section: BoxesData, sources: list[_Read], kept: np.ndarray) -> tuple[str, ...]:
    """The classes that occur, in the order of the annotations, else of their words. Raises where there is none."""
    used = {
        mark.label
        for at, read in enumerate(sources)
        for row in (kept if not at else read.kept).tolist()
        for mark, _ in read.boxes[row]
        if mark.label is not None
    }
    if not used:
        raise DataError("no picture has a box", where="/data/dataset", hint="see runner data check")
    order = tuple(section.class_names or ()) or sources[0].marked.classes
    return (*(each for each in dict.fromkeys(order) if each in used), *in_order(used - set(order)))


def _split(read: _Read, rows: np.ndarray, classes: tuple[str, ...], groups: np.ndarray | None) -> BoxSplit:
    code = {name: at for at, name in enumerate(classes)}

    def boxes(at: int) -> Boxes:
        own = read.boxes[at]
        return Boxes(
            np.array([box for _, box in own], np.float64).reshape(-1, 4),
            np.array([code[str(mark.label)] for mark, _ in own], np.int64),
            np.array([mark.crowd for mark, _ in own], bool),
        )

    return BoxSplit(
        read.marked.found.pictures().take(rows), read.looked.sizes[rows], tuple(map(boxes, rows.tolist())), classes,
        read.looked.keys[rows], groups,
    )  # fmt: skip


def _other(section: BoxesData, context: LoadContext, warn: Warn, record: dict[str, Any]) -> _Read:
    """The pictures of ``validation_data``."""
    assert section.validation_data is not None
    pointer = "/data/validation_data"
    report = DataReport(section.layout)
    read = _read(section, section.validation_data, pointer, context.cache, report, warn)
    record["validation_rows_dropped"] = dict(report.rows_dropped)
    if not len(read.kept):
        raise DataError("no picture of it can be measured on", where=f"{pointer}: {section.validation_data}")
    return read


def _tell(train: BoxSplit, held: BoxSplit, given: Any, warn: Warn) -> None:
    """Warn of classes that one side lacks, and of pictures that are on both. Raises where training has no box."""
    labels = [
        np.concatenate([each.labels[~each.crowd] for each in side.boxes] or [np.zeros(0, np.int64)])
        for side in (train, held)
    ]
    if not len(labels[0]):
        raise DataError("no picture of training has a box", where="/data/dataset")
    if len(missing := np.setdiff1d(labels[1], labels[0])):
        names = ", ".join(repr(train.classes[at]) for at in missing)
        warn(f"{names} is held out and never learned: its average precision is 0")
    shared = np.flatnonzero(np.isin(held.keys, train.keys))
    if given and len(shared):
        shown = ", ".join(held.pictures.names[at] for at in shared[:SHOWN]) + (", ..." if len(shared) > SHOWN else "")
        warn(
            f"{len(shared):,} of {counted(len(held), 'held-out pictures')} are in training too, byte by byte: what is "
            f"measured on them says nothing of new pictures: {shown}",
            "/data/validation_split",
        )
    own: dict[int, set[bytes]] = {}
    for key, boxes in zip(train.keys.tolist(), train.boxes, strict=True):
        own.setdefault(key, set()).add(boxes.corners.tobytes() + boxes.labels.tobytes())
    if again := len(train) - len(own):
        odd = sum(len(each) > 1 for each in own.values())
        after = f"; the boxes of {odd:,} of them differ, and what one has counts as nothing in the other" if odd else ""
        warn(f"{counted(again, 'rows')} of training have a picture that another has, byte by byte{after}")


def _fingerprint(*sides: BoxSplit) -> str:
    """sha256 of the pictures and of their boxes, on both sides."""
    told = hashlib.sha256()
    for side in sides:
        told.update(b"[" + repr(side.classes).encode() + np.ascontiguousarray(side.keys, "<u8").tobytes())
        for own in side.boxes:
            told.update(b"(" + own.corners.tobytes() + own.labels.tobytes() + own.crowd.tobytes())
    return told.hexdigest()
