"""The parts of a data set: their names, their order, and which of them a path has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from runner.data.holdout import TEST, TRAIN, VALIDATION
from runner.data.hub_files import is_hub_name
from runner.data.records.data_files import container_of
from runner.errors import DataError
from runner.pipeline.steps import WHOLE
from runner.pipeline.steps.row_files import expanded
from runner.store.prepared_data import in_folder

#: The names of parts, the first of which is a part's own.
NAMES = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


def own_name(word: str) -> str:
    """``val`` is ``validation``; any other word is its own name."""
    return next((name for name, words in NAMES.items() if word.lower() in words), word)


def in_order(parts: Iterable[str]) -> list[str]:
    """Train, validation, test, then the others as they stand."""
    names = list(parts)
    return [name for name in NAMES if name in names] + [name for name in names if name not in NAMES]


def parts_of(path: str | Path) -> dict[str, str | Path]:
    """The parts that a path has: those of a step's output, those of a folder with a file of each, or one: ``data``.

    Raises :class:`DataError` for a folder with two files of one part.
    """
    folder = expanded(path)
    if is_hub_name(str(path)) or not folder.is_dir():
        return {WHOLE: path}
    prepared = in_folder(folder)
    if prepared is not None:
        return dict(prepared.parts)
    files = [each for each in sorted(folder.iterdir()) if each.is_file() and each.name[0] not in "._"]
    data = [each for each in files if container_of(each.name)]
    words = {each: own_name(each.name.partition(".")[0]) for each in data}
    if not data or not all(word in NAMES for word in words.values()):
        return {WHOLE: path}
    found: dict[str, str | Path] = {}
    for each, word in words.items():
        if word in found:
            raise DataError(
                f"two files are {word}: {Path(found[word]).name} and {each.name}", where=str(folder),
                hint="take one of them out of the folder",
            )  # fmt: skip
        found[word] = each
    return {part: found[part] for part in in_order(found)}
