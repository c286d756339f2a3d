"""From a data section to two splits of pictures: collect, read the labels, look at every picture, draw, divide."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import DataReport, LoadContext, LoadedData
from runner.contract.quantities import counted
from runner.data.dialogues.row_preparation import Warn, row_counts, warner
from runner.data.images.collected import Collected
from runner.data.images.folder_pictures import collect_archive, collect_folder
from runner.data.images.picture_look import Looked, look
from runner.data.images.picture_side import PictureSplit
from runner.data.images.picture_targets import Targets, only_used, read_targets
from runner.data.images.splitting import divide, draw
from runner.data.images.table_pictures import Reading, TableReader
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.images.section import ImagesData

#: Pictures that a sentence names.
SHOWN = 5


def prepare(section: ImagesData, context: LoadContext) -> LoadedData:
    """:meth:`ImagesData.load`, step by step."""
    report = context.report
    report.layout = section.layout

    warn = warner(context)
    found, targets, kept, looked = _read(section, section.source, "/data/dataset", context.cache, report, warn)
    need_rows(section, report, kept, found, looked)
    keys = looked.keys[kept]
    if section.max_samples is not None and section.max_samples < len(kept):
        drawn = draw(section, keys, targets.values[kept])
        report.drop("not_sampled", found.named(np.delete(kept, drawn)))
        kept, keys = kept[drawn], keys[drawn]
    used = only_used(targets, kept)
    sides = divide(section, found, kept, keys, used, warn)
    report.drop("test_rows", found.named(kept[sides.test]))
    report.drop("missing_time", found.named(kept[sides.without_time]))
    pictures = found.pictures()
    train, classes = _first_classes(section, used, sides.train)
    name = _target_name(section, found)

    def split(rows: np.ndarray, values: np.ndarray) -> PictureSplit:
        groups = None if sides.groups is None else sides.groups[rows]
        return PictureSplit(pictures.take(kept[rows]), {name: values[rows]}, {name: classes}, keys[rows], groups)

    learned = split(sides.train, train)
    record: dict[str, Any] = {"dataset": section.dataset}
    if section.validation_data is not None:
        held = _other(section, context, name, classes, warn, record)
    else:
        held = split(sides.validation, train)
    _tell_of_shared(learned, held, found.by_folder or section.split_column or section.validation_data, warn)
    _tell_of_unknown(held, name, warn)
    report.facts |= found.facts | looked.facts
    if classes:
        counts = np.bincount(learned.targets[name], minlength=len(classes))
        report.facts["classes"] = dict(zip(classes, counts.tolist(), strict=True))
    record |= row_counts(report, learned, held)
    return LoadedData(learned, held, _fingerprint(learned, held), record, report, section.max_rows_lost)


def _read(
    section: ImagesData, path: str, pointer: str, cache: Path, report: DataReport, warn: Warn
) -> tuple[Collected, Targets, np.ndarray, Looked]:
    """All pictures of a path, their labels, the rows that can be used, and what was seen of them."""
    found = _collect(section, path, pointer, cache)
    report.rows_read += len(found)
    if not len(found):
        raise DataError("there is no picture in it", where=f"{pointer}: {path}")
    targets = read_targets(section, found.labels, found.rows, found.by_folder)
    for sentence in (*found.warnings, *targets.warnings):
        warn(sentence, pointer)
    usable = np.ones(len(found), bool)
    usable[list(found.faults)] = False
    for reason, rows in targets.without.items():
        for at in rows[usable[rows]].tolist():
            # A test's pictures need no class, and are not looked at.
            if found.sides[at] != "test":
                found.fault(at, reason, "it has none")
        usable[rows] = False
    looked = look_at(
        found, usable, {name: rows.tolist() for name, rows in targets.changed.items()}, report, warn, pointer
    )
    return found, targets, np.flatnonzero(usable), looked


def look_at(
    found: Collected, usable: np.ndarray, changed: Mapping[str, list[int]], report: DataReport, warn: Warn, pointer: str
) -> Looked:
    """Look at the pictures of usable rows, bool ``[n]``, brought up to date; report what is lost or changed."""
    usable[[side == "test" for side in found.sides]] = False
    looked = look(found.pictures(), np.flatnonzero(usable), found)
    usable[list(found.faults)] = False
    reasons: dict[str, list[int]] = {}
    for at in sorted(found.faults):
        reasons.setdefault(found.faults[at][0], []).append(at)
    for reason, at_rows in reasons.items():
        report.drop(reason, found.named(at_rows))
        told = "; ".join(f"{found.names[at]}: {found.faults[at][1]}" for at in at_rows[:SHOWN])
        more = f"; and {len(at_rows) - SHOWN:,} more" if len(at_rows) > SHOWN else ""
        warn(f"{counted(len(at_rows), 'pictures')} left out, {reason}: {told}{more}", pointer)
    for reason, at_changed in (found.changed | dict(changed)).items():
        used = [at for at in at_changed if usable[at]]
        report.change(reason, found.named(used))
        if used and reason in CHANGES:
            shown = ", ".join(found.names[at] for at in used[:SHOWN]) + (", ..." if len(used) > SHOWN else "")
            warn(f"{CHANGES[reason]} in {counted(len(used), 'rows')}: {shown}", pointer)
    test = [at for at in range(len(found)) if found.sides[at] == "test" and at not in found.faults]
    report.drop("test_rows", found.named(test))
    return looked


#: What is said of rows that are used otherwise than they stand there.
CHANGES = {
    "first_frame": "only the first frame of an animation, or of several pages, is used",
    "black_of_16_bits": "pixels of 16 bits that are all below 256, so that nothing of it is seen (8 bits were meant),",
    "backslash_path": "a path with backslashes is read as with slashes",
    "path_from_above": "a path begins with the table's own folder, and is read from the folder above",
}


def _collect(section: ImagesData, path: str, pointer: str, cache: Path) -> Collected:
    where = f"{pointer}: {path}"
    place = Path(path).expanduser()
    reader = TableReader(Reading.of(section), cache, pointer)
    if place.is_dir():
        found = collect_folder(section, place, where, reader.read)
        if found is not None:
            return found
    elif place.suffix.lower() == ".zip" and place.is_file():
        return collect_archive(section, place, where, cache)
    found = Collected()
    reader.read(found, path)
    return found


def need_rows(section: ImagesData, report: DataReport, kept: np.ndarray, found: Collected, looked: Looked) -> None:
    """Raise :class:`DataError` where no picture can be used, or more are lost than the section allows."""
    lost = len(found.faults)
    if len(kept) and lost <= section.max_rows_lost * len(found):
        return
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in report.rows_dropped.items())
    first = next((f"{found.names[at]}: {told}" for at, (_, told) in sorted(found.faults.items())), "")
    raise DataError(
        f"{lost:,} of {counted(len(found), 'pictures')} cannot be used: {reasons}",
        where="/data/max_rows_lost" if len(kept) else "/data/dataset",
        hint=f"{first}; mend them, or allow it: data.max_rows_lost is the share that may be lost",
    )


def _target_name(section: ImagesData, found: Collected) -> str:
    """What the target is called: its column, or its role for folders."""
    if section.role in section.own_columns:
        return section.own_columns[section.role]
    return str(found.facts.get("columns", {}).get(section.role) or section.role)


def _first_classes(section: ImagesData, targets: Targets, train: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """The values with the classes that training has; those of others are -1. Raises where it has fewer than two."""
    if section.predicts == "numbers":
        return targets.values, ()
    present = np.unique(targets.values[train])
    if len(present) < 2:
        only = ", ".join(repr(targets.classes[at]) for at in present) or "none"
        raise DataError(
            f"the pictures of training are of fewer than two classes: {only}", where="/data/dataset",
            hint="a folder for each class, or a column of labels; see runner data check",
        )  # fmt: skip
    code = np.full(len(targets.classes), -1, np.int64)
    code[present] = np.arange(len(present))
    return code[targets.values], tuple(targets.classes[at] for at in present)


def _other(
    section: ImagesData, context: LoadContext, name: str, classes: Sequence[str], warn: Warn, record: dict[str, Any]
) -> PictureSplit:
    """The pictures of ``validation_data``."""
    assert section.validation_data is not None
    pointer = "/data/validation_data"
    report = DataReport(section.layout)
    found, targets, kept, looked = _read(section, section.validation_data, pointer, context.cache, report, warn)
    record["validation_rows_dropped"] = dict(report.rows_dropped)
    if not len(kept):
        raise DataError("no picture of it can be measured on", where=f"{pointer}: {section.validation_data}")
    values = targets.values
    if section.predicts == "classes":
        known = {word: at for at, word in enumerate(classes)}
        values = np.array([known.get(word, -1) for word in targets.classes] + [-1], np.int64)[values]
    return PictureSplit(found.pictures().take(kept), {name: values[kept]}, {name: tuple(classes)}, looked.keys[kept])


def _tell_of_shared(train: PictureSplit, held: PictureSplit, given: Any, warn: Warn) -> None:
    """Warn of pictures that stand on both sides of a split, and of equal ones with several labels."""
    shared = np.flatnonzero(np.isin(held.keys, train.keys))
    if given and len(shared):
        shown = ", ".join(held.pictures.names[at] for at in shared[:SHOWN]) + (", ..." if len(shared) > SHOWN else "")
        warn(
            f"{len(shared):,} of {counted(len(held), 'held-out pictures')} are in training too, byte by byte: what is "
            f"measured on them says nothing of new pictures: {shown}",
            "/data/validation_split",
        )
    order = np.argsort(train.keys, kind="stable")
    values = next(iter(train.targets.values()))[order]
    same = np.flatnonzero((np.diff(train.keys[order].astype(np.int64)) == 0) & (np.diff(values) != 0))
    if len(same):
        pairs = ", ".join(
            f"{train.pictures.names[order[at]]} and {train.pictures.names[order[at + 1]]}" for at in same[:SHOWN]
        )
        warn(f"training has {counted(len(same), 'pictures')} again with another label: {pairs}")


def _tell_of_unknown(held: PictureSplit, name: str, warn: Warn) -> None:
    if held.classes[name] and (unknown := np.flatnonzero(held.targets[name] < 0)).size:
        shown = ", ".join(held.pictures.names[at] for at in unknown[:SHOWN])
        warn(
            f"{counted(len(unknown), 'held-out pictures')} are of a class that training never saw, and count as wrong: "
            f"{shown}",
            "/data/validation_data",
        )


def _fingerprint(*sides: PictureSplit) -> str:
    """sha256 of the pictures and of what they are, on both sides."""
    told = hashlib.sha256()
    for side in sides:
        told.update(b"[" + np.ascontiguousarray(side.keys, "<u8").tobytes())
        for name, values in side.targets.items():
            told.update(repr((name, side.classes[name])).encode() + np.ascontiguousarray(values).tobytes())
    return told.hexdigest()
