"""Which pictures are drawn, trained on and held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from runner.contract import departs
from runner.contract.quantities import counted
from runner.data import holdout
from runner.data.dialogues import train_and_holdout
from runner.data.images.collected import Collected
from runner.data.images.picture_targets import Targets
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.images.section import ImagesData

_NONE = np.zeros(0, np.int64)


@dataclass
class Divided:
    """Indices among the kept rows: int64 each."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray = field(default_factory=lambda: _NONE)
    without_time: np.ndarray = field(default_factory=lambda: _NONE)
    #: Of each kept row its group, where the section names a column of them.
    groups: np.ndarray | None = None


def draw(section: ImagesData, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Indices of ``max_samples`` pictures, by their content, in their order; of each class about its share."""
    assert section.max_samples is not None
    order = holdout.order(keys, section.seed)
    if section.predicts == "classes":
        # Every class's pictures one after the other, and then by how far through its class each is.
        place = np.empty(len(order))
        for code in np.unique(values):
            own = order[values[order] == code]
            place[own] = (np.arange(len(own)) + 0.5) / len(own)
        order = order[np.argsort(place[order], kind="stable")]
    return np.sort(order[: section.max_samples])


def divide(
    section: ImagesData,
    found: Collected,
    kept: np.ndarray,
    keys: np.ndarray,
    targets: Targets,
    warn: Callable[..., None],
) -> Divided:
    """The split that the folders or the section ask for. Raises :class:`DataError` where one side would be empty."""
    sides = [found.sides[at] for at in kept.tolist()]
    cells = [found.cells[at] for at in kept.tolist()]
    everything = np.arange(len(kept))
    if "validation" in sides:
        return _by_folders(section, sides)
    if section.validation_data is not None:
        return Divided(everything, _NONE)
    if section.split_column is not None or section.time_column is not None:
        given = train_and_holdout.divide(cast(Any, section), keys, keys, cells)
        return Divided(given.train, given.validation, given.test, given.without_time)
    groups = None
    if section.group_column is not None:
        names = np.array([holdout.text_key("" if cell is None else f"={cell}") for cell in cells], np.uint64)
        groups = np.unique(names, return_inverse=True)[1].astype(np.int64)
        keys = names
    if section.validation_split == 0:
        return Divided(everything, _NONE, groups=groups)
    strata = targets.values if getattr(section, "stratify", False) and groups is None else None
    if strata is not None:
        alone = np.flatnonzero(np.bincount(strata) == 1)
        if len(alone):
            shown = ", ".join(repr(targets.classes[at]) for at in alone[:10])
            warn(f"there is only one picture of {shown}: it is trained on, and not measured", "/data/stratify")
        equal = holdout.all_equal(keys, strata)
        if len(equal):
            shown = ", ".join(repr(targets.classes[at]) for at in equal[:10])
            warn(f"all pictures of {shown} are equal: they are trained on, and not measured", "/data/stratify")
    try:
        mask = holdout.by_share(keys, section.validation_split, section.seed, strata).mask
    except ValueError:
        raise DataError(
            counted(len(kept), "pictures") + " cannot be divided into pictures of training and pictures held out",
            where="/data/validation_split",
            hint="equal pictures, and those of one group, stay on one side; set validation_split to 0, or give more",
        ) from None
    return Divided(np.flatnonzero(~mask), np.flatnonzero(mask), groups=groups)


def _by_folders(section: ImagesData, sides: list[str | None]) -> Divided:
    for name in ("validation_split", "stratify", *section.WAYS):
        if name in type(section).model_fields and departs(section, name):
            raise DataError(
                "has no effect: the folders say which pictures are held out", where=f"/data/{name}",
                hint="take it out, or name the folder of training alone as the dataset",
            )  # fmt: skip
    train, validation = (np.flatnonzero([each == side for each in sides]) for side in ("train", "validation"))
    if not len(train):
        raise DataError("no picture of training can be used", where="/data/dataset")
    return Divided(train, validation)
