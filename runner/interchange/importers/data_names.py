"""Their names of data, as ours: a file, a folder, a pattern, or a data set of the Hub."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from runner.data.hub_files import MARK

_HUB = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".arrow", ".gz")
#: Files of rows that are never read here: what runs code when it is opened, arrays, spreadsheets.
_UNREAD = (".pkl", ".pickle", ".pt", ".pth", ".joblib", ".npy", ".h5", ".tfrecord", ".xlsx", ".xls")
#: In which order a split's file is looked for in a folder.
_ENDS = ("csv", "jsonl", "json", "parquet", "tsv", "arrow")


@dataclass(frozen=True)
class Named:
    """Our name of data; ``what`` says what was made of theirs, ``effect`` whether other rows may be meant."""

    name: str
    what: str = ""
    effect: bool = False


def named(path: str, cwd: Path, split: str | None = None, subset: str | None = None) -> Named:
    """Our name. ``split`` and ``subset`` are those of the `datasets` library; a folder's split is a file in it."""
    if "://" in path:
        return Named(path, "an address: rows are read from files here; download it, and name the file", True)
    slice_ = bool(split and "[" in split)
    split = (split or "train").partition("[")[0]
    if ":" in split:
        subset, split = split.split(":", 1)
    split = split.partition("+")[0] or "train"
    cut = "a slice of the split: all of it is meant now; max_samples and validation_split cut it" if slice_ else ""
    if is_local(path, cwd):
        found = _local(path, cwd, split)
        return Named(found.name, found.what or cut, found.effect or slice_)
    if _HUB.fullmatch(path) is None:
        if "/" not in path:
            return Named(path, cut, slice_)
        return Named(path, cut, slice_)
    if subset in (None, "", "default", "main") and split == "train":
        return Named(f"{MARK}{path}", cut, slice_)
    pattern = "*" + "*".join(part for part in (subset, split) if part and part not in ("default", "main")) + "*"
    words = " and ".join(part for part in (subset, split) if part)
    what = f"the files whose names have {words} in them: look whether they are so named"
    return Named(f"{MARK}{path}/{pattern}", what, True)


#: How the files of a split are called: by its name, and by the words that stand for it.
_SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}


def second_split(path: str, cwd: Path, split: str, subset: str | None = None) -> Named | None:
    """Our name of the split that is measured on; None where what lies there has none, and their program stops.

    A file is one split, the one that is trained on. A folder has those whose files are called by them.
    """
    place = cwd / Path(path).expanduser()
    if not is_local(path, cwd):
        return named(path, cwd, split, subset)
    if path.endswith(_SUFFIXES) or place.is_file():
        return None
    if not place.is_dir():
        return named(path, cwd, split, subset)
    found = _files_of(path, place, split.partition("[")[0])
    return None if found is None else Named(found)


def _files_of(path: str, place: Path, split: str) -> str | None:
    """A split's files in a folder, or in the `data` below it, as a name or a pattern: by their own names."""
    for folder in (place, place / "data"):
        below = path.rstrip("/") if folder == place else f"{path.rstrip('/')}/data"
        for end in _ENDS:
            if (folder / f"{split}.{end}").is_file():
                return f"{below}/{split}.{end}"
        for word in _SPLIT_WORDS.get(split, (split,)):
            called = re.compile(rf"{re.escape(word)}([-._].*)?({'|'.join(re.escape(end) for end in _SUFFIXES)})")
            files = sorted(file.name for file in folder.glob("*") if called.fullmatch(file.name))
            if files:
                return f"{below}/{files[0]}" if len(files) == 1 else f"{below}/{word}*"
    return None


def is_local(path: str, cwd: Path) -> bool:
    """Whether a name is a place on the disk: it is there, is written like one, or can be no repository."""
    if (
        path.startswith(("/", "./", "../", "~", "\\"))
        or path.endswith(("/", *_SUFFIXES, *_UNREAD))
        or re.match(r"[A-Za-z]:\\", path)
    ):
        return True
    if (cwd / path).exists():
        return True
    return _HUB.fullmatch(path) is None


def _local(path: str, cwd: Path, split: str) -> Named:
    place = cwd / Path(path).expanduser()
    if path.endswith(_UNREAD):
        return Named(path, "such a file is never read here: write its rows as JSON Lines, and name that", True)
    if path.endswith(_SUFFIXES) or place.is_file():
        return Named(path)
    if place.is_dir():
        return Named(_files_of(path, place, split) or path)
    return Named(f"{path.rstrip('/')}/{split}.*", "a folder, of which the split's file is meant")
