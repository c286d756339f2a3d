"""Pictures of a folder or of an archive: the folder that each is in is its class, or a table beside them says more."""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from runner.data.images.collected import Collected
from runner.data.images.packed_pictures import PackedPictures
from runner.data.images.picture_tree import Branch, Tree, is_system, tree_of, walked
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.images.section import ImagesData

#: An archive's members, the bytes of one unpacked, and of all, beside those that it has packed: what is beyond is no
#: set of pictures, which hardly pack.
MOST_MEMBERS, MOST_BYTES, MOST_TIMES = 2_000_000, 512 * 1024**2, 100
#: Names that a sentence tells.
SHOWN = 5


def collect_folder(section: ImagesData, folder: Path, where: str, table: Callable[..., None]) -> Collected | None:
    """The pictures of a folder; None where there is none, so that its files are tables.

    ``table(found, path, side)`` reads a table's rows into what was found.
    """
    tree = tree_of(walked(folder, where))
    if not tree.pictures:
        return None
    found = Collected()
    for branch in tree.branches:
        if branch.index is not None:
            table(found, folder / branch.index, branch.side)
            _tell_of_rest(found, branch, folder)
            continue
        _need_classes(section, branch, where)
        for name in branch.pictures:
            at = _added(found, branch, name)
            found.lies_in(at, folder / name)
    roots = [branch.root for branch in tree.branches]
    below = [root / each.name for root in roots for each in (folder / root).iterdir() if each.is_dir()]
    _tell_of_empty(found, tree, below)
    _tell(found, tree)
    return found


def collect_archive(section: ImagesData | None, path: Path, where: str, cache: Path) -> Collected:
    """The pictures of a zip archive, each unpacked into the cache and never under its own name.

    Without a section no class is asked for.
    """
    found = Collected()
    packed = PackedPictures(cache, [path])
    try:
        with zipfile.ZipFile(path) as archive:
            inside = dict(members(archive, where))
            tree = tree_of(inside)
            if not tree.pictures:
                raise DataError(
                    "the archive has no picture in it", where=where, hint="folders of classes with pictures"
                )
            for branch in tree.branches:
                if section is not None:
                    _need_classes(section, branch, where)
                for name in branch.pictures:
                    at = _added(found, branch, name)
                    try:
                        found.packed(at, archive.read(inside[name]), packed)
                    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
                        found.fault(at, "unreadable", f"it cannot be unpacked: {str(error)[:100]}")
            if section is not None:
                _tell_of_empty(found, tree, _folders(archive))
        packed.finish()
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(
            f"not a whole zip archive: {str(error)[:150]}", where=where,
            hint="it may have been cut off while it was copied: unzip -t tells",
        ) from None  # fmt: skip
    finally:
        packed.abandon()
    _tell(found, tree)
    return found


def members(archive: zipfile.ZipFile, where: str) -> Iterator[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """The files in it by their names. Raises :class:`DataError` for what no set of pictures is."""
    members = [info for info in archive.infolist() if not info.is_dir()]
    unpacked, packed = sum(info.file_size for info in members), sum(info.compress_size for info in members)
    largest = max(members, key=lambda info: info.file_size, default=None)
    if len(members) > MOST_MEMBERS:
        raise DataError(
            f"the archive has {len(members):,} files, and at most {MOST_MEMBERS:,} are unpacked", where=where
        )
    if largest is not None and (largest.file_size > MOST_BYTES or unpacked > MOST_TIMES * max(packed, 1024**2)):
        raise DataError(
            f"the archive says that it holds {unpacked:,} bytes, {largest.file_size:,} of them in "
            f"{largest.filename!r}, packed into {packed:,}: that is no set of pictures",
            where=where, hint="unpack it yourself if you trust it, and name the folder",
        )  # fmt: skip
    for info in members:
        name = PurePosixPath(info.filename.replace("\\", "/"))
        leads_out = name.is_absolute() or ".." in name.parts or re.match(r"[A-Za-z]:", info.filename)
        if leads_out or stat.S_ISLNK(info.external_attr >> 16):
            raise DataError(
                f"the archive has {info.filename!r}, which leads out of it", where=where,
                hint="archives of pictures have no such names: who made it?",
            )  # fmt: skip
        yield name, info


def _folders(archive: zipfile.ZipFile) -> Iterator[PurePosixPath]:
    """The folders in it, those too in which nothing lies."""
    for info in archive.infolist():
        name = PurePosixPath(info.filename.replace("\\", "/"))
        yield from [name, *name.parents] if info.is_dir() else name.parents


def _added(found: Collected, branch: Branch, name: PurePosixPath) -> int:
    label = branch.class_of(name)
    at = found.add(str(name), str(name), label, side=branch.side)
    if label is None and branch.side != "test":
        found.fault(at, "no_class", "it lies in no class's folder")
    found.by_folder = True
    return at


def _need_classes(section: ImagesData, branch: Branch, where: str) -> None:
    if section.predicts == "numbers":
        told = ", ".join(map(str, branch.tables)) or "there is none"
        raise DataError(
            f"no table says the number of each picture: one table beside them does, {told}", where=where,
            hint="such as metadata.csv with the columns file_name and target; or name its path as the dataset",
        )  # fmt: skip
    if section.own_columns:
        raise DataError(
            "columns are of a table's rows, and these pictures lie in folders of their classes", where="/data/columns",
            hint="take them out, or name the table as the dataset",
        )  # fmt: skip
    if not branch.classes and branch.side != "test":
        tables = ", ".join(map(str, branch.tables))
        raise DataError(
            "the pictures lie in no folder of a class" + (f", and several tables lie beside them: {tables}" if tables
            else ", and no table lies beside them that says what they are"),
            where=where, hint="a folder for each class, or a table such as metadata.csv with file_name and label",
        )  # fmt: skip


def _tell_of_rest(found: Collected, branch: Branch, folder: Path) -> None:
    """Say of pictures beside a table that no row of it names."""
    known = {str(path) for path in found.files}
    rest = [name for name in branch.pictures if str(folder / name) not in known]
    if rest:
        found.warnings.append(f"{_some(rest, 'pictures')} in no row of {branch.index}: not used")
        found.facts["pictures_without_row"] = found.facts.get("pictures_without_row", 0) + len(rest)


def _tell_of_empty(found: Collected, tree: Tree, folders: Iterable[PurePosixPath]) -> None:
    """Say of folders beside those of classes that hold no picture: a class was meant, and none is learned."""
    branches = [branch for branch in tree.branches if branch.index is None]
    classes = {name for branch in branches for name in branch.classes}
    roots = {branch.root for branch in branches}
    beside = {name for name in folders if name.name and name.parent in roots and not is_system(name)}
    empty = sorted((name for name in beside if name.name not in classes), key=str)
    if empty:
        found.facts["folders_without_picture"] = len(empty)
        found.warnings.append(
            f"{_some(empty, 'folders')} without a picture: no class is learned of it; put pictures in, or take it away"
        )


def _tell(found: Collected, tree: Tree) -> None:
    if tree.system:
        found.facts["system_files"] = tree.system
    if tree.others:
        found.facts["other_files"] = len(tree.others)
        found.warnings.append(f"{_some(tree.others, 'files')} no pictures by the name: not used")


def _some(names: list[PurePosixPath], noun: str) -> str:
    shown = ", ".join(map(str, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")
    return f"{len(names):,} {noun} ({shown}) are" if len(names) > 1 else f"1 {noun.removesuffix('s')} ({shown}) is"
