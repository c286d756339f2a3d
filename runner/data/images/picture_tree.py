"""What the names of files in a folder, or in an archive, say: sides of a split, classes, pictures, and what is none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from runner.data import holdout
from runner.data.images.pictures import SUFFIXES
from runner.data.records.data_files import container_of
from runner.errors import DataError

#: Files and folders that operating systems and notebooks leave behind, in lower case; hidden ones are left out too.
SYSTEM = frozenset(("__macosx", "thumbs.db", "desktop.ini", "ehthumbs.db", "$recycle.bin", "@eadir", "lost+found"))
#: Names of a table of pictures that lies beside them, without their ending, in lower case.
INDEX = ("metadata", "index", "labels", "annotations")
#: Files that are looked at below a folder.
MOST_FILES = 5_000_000


@dataclass
class Branch:
    """One side of a split, or all: a folder's files by their names below it."""

    #: ``train``, ``validation`` or ``test``; None where the folders do not say.
    side: str | None
    #: Its path below the root; ``.`` for the root itself.
    root: PurePosixPath
    #: Pictures, from the root: sorted.
    pictures: list[PurePosixPath] = field(default_factory=list)
    #: Tables beside them.
    tables: list[PurePosixPath] = field(default_factory=list)

    @property
    def index(self) -> PurePosixPath | None:
        """The table that says what the pictures are: the one that is called so, or the only one."""
        called = [each for each in self.tables if each.name.partition(".")[0].lower() in INDEX]
        found = called or (self.tables if not self.classes else [])
        return found[0] if len(found) == 1 else None

    @property
    def classes(self) -> list[str]:
        """The names of the folders with pictures."""
        return sorted({name for each in self.pictures if (name := self.class_of(each)) is not None})

    def class_of(self, picture: PurePosixPath) -> str | None:
        """The first folder below the branch that a picture lies in; None for one that lies in no folder."""
        parts = picture.relative_to(self.root).parts
        return parts[0] if len(parts) > 1 else None


@dataclass
class Tree:
    """All of it."""

    branches: list[Branch]
    #: System's and hidden files, and others that are no pictures.
    system: int = 0
    others: list[PurePosixPath] = field(default_factory=list)

    @property
    def pictures(self) -> int:
        return sum(len(branch.pictures) for branch in self.branches)


def walked(folder: Path, where: str) -> Iterable[PurePosixPath]:
    """The files of a folder and below, from it: sorted by folder. Raises :class:`DataError` for far too many."""
    seen = 0
    for here, folders, names in os.walk(folder, followlinks=True):
        # A link to a folder that it lies in has no end.
        folders[:] = sorted(each for each in folders if not _leads_back(Path(here), each))
        seen += len(names)
        if seen > MOST_FILES:
            raise DataError(
                f"the folder and those below hold more than {MOST_FILES:,} files", where=where,
                hint="name the folder of the data set",
            )  # fmt: skip
        at = PurePosixPath(Path(here).relative_to(folder).as_posix())
        for name in sorted(names):
            yield at / name


def glance(folder: Path) -> tuple[bool, set[str | None]]:
    """Whether a picture lies in a folder or below, and what the tables of its first two levels hold, by names alone."""
    tables: set[str | None] = set()
    for name in walked(folder, str(folder)):
        if is_system(name):
            continue
        if len(name.parts) < 3 and container_of(name.name) is not None:
            tables.add(container_of(name.name))
        if name.suffix.lower() in SUFFIXES:
            return True, tables | {container_of(each.name) for each in folder.iterdir()} - {None}
    return False, tables


def _leads_back(here: Path, name: str) -> bool:
    link = here / name
    return link.is_symlink() and here.resolve().is_relative_to(link.resolve())


def is_system(name: PurePosixPath) -> bool:
    """Whether a file, or a folder that it is in, is hidden or an operating system's."""
    return any(part[0] == "." or part.lower() in SYSTEM for part in name.parts)


def tree_of(names: Iterable[PurePosixPath]) -> Tree:
    """The files told apart. One folder around all others, as archives have it, counts for nothing."""
    tree = Tree([])
    pictures: list[PurePosixPath] = []
    tables: list[PurePosixPath] = []
    for name in names:
        if is_system(name):
            tree.system += 1
        elif name.suffix.lower() in SUFFIXES:
            pictures.append(name)
        elif container_of(name.name) is not None:
            tables.append(name)
        else:
            tree.others.append(name)
    pictures.sort(key=str)
    root = _root([*pictures, *tables])
    sides = _sides(root, pictures)
    for folder, side in sides.items():
        at = PurePosixPath(root, folder)
        tree.branches.append(Branch(side, at, _below(pictures, at), _beside(tables, at)))
    if not sides:
        tree.branches.append(Branch(None, root, pictures, _beside(tables, root)))
    used = {table for branch in tree.branches for table in branch.tables}
    tree.others += [table for table in tables if table not in used]
    return tree


def _root(names: Sequence[PurePosixPath]) -> PurePosixPath:
    """The folder below which the names first differ, but never a class's: one that has pictures itself."""
    root = PurePosixPath()
    while True:
        firsts = {name.relative_to(root).parts for name in names}
        below = {parts[0] for parts in firsts}
        if len(below) != 1 or any(len(parts) < 3 for parts in firsts):
            return root
        root = root / next(iter(below))


def _sides(root: PurePosixPath, pictures: Sequence[PurePosixPath]) -> dict[str, str]:
    """The folders that are sides of a split, by name, where all folders are and one is training's."""
    below = {name.relative_to(root).parts[0] for name in pictures if len(name.relative_to(root).parts) > 1}
    if any(len(name.relative_to(root).parts) == 1 for name in pictures):
        return {}
    words = {word: side for side, own in zip(("train", "validation", "test"), (holdout.TRAIN, holdout.VALIDATION,
             holdout.TEST), strict=True) for word in own}  # fmt: skip
    sides = {folder: words.get(folder.lower(), "") for folder in sorted(below)}
    return sides if "train" in sides.values() and all(sides.values()) else {}


def _below(names: Sequence[PurePosixPath], folder: PurePosixPath) -> list[PurePosixPath]:
    return [name for name in names if name.is_relative_to(folder)]


def _beside(tables: Sequence[PurePosixPath], folder: PurePosixPath) -> list[PurePosixPath]:
    return [table for table in tables if table.parent == folder]
