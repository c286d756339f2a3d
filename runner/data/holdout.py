"""Which rows are held out: by a share, a file, a column, whole groups or time. Seeded, and by the rows' content.

A row is known by a number made of its content (:func:`content_keys`), so that the order of the file does not decide
who is held out, and equal rows are on one side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from runner.contract import DataSection, option

if TYPE_CHECKING:
    import numpy as np

ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
#: What a split column may say, in lower case. A row of ``test`` is neither trained on nor measured here.
TRAIN, VALIDATION, TEST = ("train", "training"), ("validation", "valid", "val", "dev", "eval"), ("test", "testing")


class Holdout(DataSection):
    """The fields of a ``data`` section that say which rows are held out. At most one of the four ways is given."""

    #: The ways other than a share of the rows.
    WAYS: ClassVar = ("validation_data", "split_column", "group_column", "time_column")
    #: Those of them that leave no share to choose.
    WITHOUT_SHARE: ClassVar = ("validation_data", "split_column")

    validation_split: float = option(
        0.2,
        ge=0,
        lt=1,
        older=("valiation_split",),
        description="Share of the rows held out, by their content: equal rows are on one side. 0 holds nothing out. "
        "Not beside validation_data or split_column.",
    )
    validation_data: ColumnName | None = option(
        None, description="Another file, folder or pattern, with the same columns: the rows to measure on."
    )
    split_column: ColumnName | None = option(
        None, description="A column that says train, validation or test of each row; rows of test are left out."
    )
    group_column: ColumnName | None = option(
        None,
        description="A column whose equal values stay on one side, such as a patient. It is no input.",
    )
    time_column: ColumnName | None = option(
        None, description="A column of dates or numbers: every held-out row is later than every other."
    )
    seed: int = option(42, ge=0, le=2**32 - 1, description="Seed of the downsampling, of the split and of training.")

    @field_validator("split_column", "group_column", "time_column")
    @classmethod
    def _one_way(cls, value: str | None, info: ValidationInfo) -> str | None:
        other = next((name for name in cls.WAYS if info.data.get(name) is not None), None)
        if value is not None and other is not None:
            raise PydanticCustomError(
                "one_way",
                "{first} and {second} are two ways of holding rows out: keep one of them",
                {"first": other, "second": info.field_name},
            )
        return value

    def without_effect(self) -> dict[str, str]:
        way = next((name for name in self.WAYS if getattr(self, name) is not None), None)
        void = ["validation_split"] if way in self.WITHOUT_SHARE else []
        void += ["stratify"] if way is not None and "stratify" in type(self).model_fields else []
        return super().without_effect() | dict.fromkeys(void, f"{way} says which rows are held out")


class StratifiedHoldout(Holdout):
    """The same, of classes."""

    stratify: bool = option(
        True,
        description="Hold out the same share of every class. Not beside validation_data or a column that says which "
        "rows are held out.",
    )


@dataclass
class Held:
    """Which rows are held out, and what there is to say of it."""

    #: bool ``[n]``.
    mask: np.ndarray
    warnings: list[str] = field(default_factory=list)


def by_share(keys: np.ndarray, share: float, seed: int, strata: np.ndarray | None = None) -> Held:
    """Rows held out by a share of all, or of each stratum. ``keys``: uint64 ``[n]``; ``strata``: int ``[n]``.

    Keys are taken in a seeded order until the split is as near to the share as whole keys allow, with at least one key
    on each side. A stratum with one key stays in training. Raises ValueError where fewer than two keys are to be
    divided.
    """
    import numpy as np

    if share == 0:
        return Held(np.zeros(len(keys), bool))
    if strata is None:
        return Held(_divided(keys, share, seed))
    mask = np.zeros(len(keys), bool)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        if (keys[rows] != keys[rows[0]]).any():
            mask[rows] = _divided(keys[rows], share, seed)
    if not mask.any():
        raise ValueError("no stratum can be divided")
    return Held(mask)


def all_equal(keys: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """The strata, ascending, of more than one row whose rows are all equal: :func:`by_share` holds out none of them.

    ``keys``: uint64 ``[n]``; ``strata``: int ``[n]``.
    """
    import numpy as np

    own, count = np.unique(strata, return_counts=True)
    distinct = np.unique(
        np.unique(np.stack([strata.astype(np.uint64), keys], axis=1), axis=0)[:, 0], return_counts=True
    )
    found: np.ndarray = own[(count > 1) & (distinct[1] == 1)]
    return found


def by_time(times: np.ndarray, share: float) -> Held:
    """The latest rows, as near to the share as whole moments allow: float64 ``[n]``, no NaN. Equal times stay together.

    Raises ValueError for one moment, which cannot be divided.
    """
    import numpy as np

    if share == 0:
        return Held(np.zeros(len(times), bool))
    moments, counts = np.unique(times, return_counts=True)
    if len(moments) < 2:
        raise ValueError("one moment cannot be divided")
    later = np.cumsum(counts[::-1])[::-1]
    first = int(np.argmin(np.abs(later[1:] - share * len(times)))) + 1
    return Held(times >= moments[first])


def by_words(words: Sequence[str | None]) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """Of a split column: the rows of training and of validation, bool ``[n]``, and the first row by unknown word."""
    import numpy as np

    train, validation = np.zeros(len(words), bool), np.zeros(len(words), bool)
    unknown: dict[str, int] = {}
    for at, word in enumerate(words):
        name = (word or "").strip().lower()
        if name in TRAIN:
            train[at] = True
        elif name in VALIDATION:
            validation[at] = True
        elif name not in TEST:
            unknown.setdefault(word or "", at)
    return train, validation, unknown


def other_side(train: int, validation: int, rest: int) -> str:
    """What to do where a split column says no row of a side."""
    told = f"{train:,} rows say train, {validation:,} validation and {rest:,} test, which is used for neither"
    return told + ("; without it, validation_split holds some out" if train else "; is it the right column?")


def mixed(numbers: np.ndarray, seed: int = 0) -> np.ndarray:
    """uint64 ``[n]``, each bit of which hangs on every bit of its number: splitmix64 (Steele et al., 2014)."""
    import numpy as np

    with np.errstate(over="ignore"):
        x = numbers.astype(np.uint64) + np.uint64((0x9E3779B97F4A7C15 * (seed + 1)) % 2**64)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def text_key(text: str) -> int:
    """A number of 64 bits for a text, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def order(keys: np.ndarray, seed: int) -> np.ndarray:
    """Indices of the keys in a seeded order that hangs on them alone: int64 ``[n]``. Equal keys stay in their order."""
    import numpy as np

    return np.argsort(mixed(keys, seed), kind="stable")


def _divided(keys: np.ndarray, share: float, seed: int) -> np.ndarray:
    import numpy as np

    distinct, key, counts = np.unique(keys, return_inverse=True, return_counts=True)
    if len(distinct) < 2:
        raise ValueError("one key cannot be divided")
    taken = order(distinct, seed)
    rows = np.cumsum(counts[taken])
    count = int(np.argmin(np.abs(rows[:-1] - share * len(keys)))) + 1
    chosen = np.zeros(len(distinct), bool)
    chosen[taken[:count]] = True
    return chosen[key]
