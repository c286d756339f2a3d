"""What a matrix of float32 does to numbers that lie close together far from zero, and what is taken off them first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import numpy as np

from runner.data.table_rows.values import source_of, texts

if TYPE_CHECKING:
    import pyarrow as pa

#: Whole numbers up to this are exact in float64.
EXACT = 2.0**53
#: Fractions that differ beyond the seventh digit are the same to a learner: only where more than this share is merged
#: are they worth a word. Whole numbers always are.
SHARE = 0.1


@dataclass
class WholeNumbers:
    """Whole numbers of any size: ``distinct[codes[row]]`` is a row's, code -1 is a missing cell. int64 ``[n]``."""

    distinct: list[int]
    codes: np.ndarray

    def take(self, rows: np.ndarray) -> WholeNumbers:
        """Those of some rows."""
        return replace(self, codes=self.codes[rows])

    def less(self, offset: float) -> np.ndarray:
        """float64 ``[n]``: each less the offset, taken off exactly; NaN where missing."""
        return np.array([*(float(number - int(offset)) for number in self.distinct), np.nan])[self.codes]


def whole_numbers(
    array: pa.ChunkedArray, numbers: np.ndarray, missing: tuple[str, ...], decimal: str
) -> WholeNumbers | None:
    """The cells exactly, where float64 does not hold them all; None where it does, or where some are fractions."""
    import pyarrow as pa

    if not (np.abs(numbers) > EXACT).any() or source_of(array) not in ("text", "number"):
        return None
    if pa.types.is_floating(array.type):
        return None
    column = texts(array, missing)
    codes = np.asarray(column.indices.fill_null(-1), np.int64)
    codes = np.where(np.isnan(numbers), -1, codes)
    words, found = column.dictionary.to_pylist(), [0] * len(column.dictionary)
    for at in np.unique(codes[codes >= 0]):
        word = words[at].replace(".", "").replace(",", ".") if decimal == "," else words[at]
        try:
            value = Decimal(word)
        except InvalidOperation:
            return None
        if value != value.to_integral_value():
            return None
        found[at] = int(value)
    return WholeNumbers(found, codes)


def offset_of(numbers: np.ndarray, whole: WholeNumbers | None) -> tuple[float, int, int]:
    """What is to be taken off training's numbers before they are float32, their distinct values, and those merged yet.

    ``numbers``: float64 ``[n]``, none missing; ``whole``: the same exactly, where float64 is not enough. The offset is
    0 where float32 tells the values apart without it, or as well; else it is the least of them.
    """
    distinct: list[int] | np.ndarray = np.unique(numbers)
    if whole is not None:
        distinct = sorted({whole.distinct[code] for code in np.unique(whole.codes)})
    merged = _merged(distinct, 0)
    fractions = isinstance(distinct, np.ndarray) and bool((distinct != np.floor(distinct)).any())
    if not merged or (fractions and merged <= SHARE * len(distinct)):
        return 0, len(distinct), 0
    offset = float(distinct[0]) if fractions else int(distinct[0])
    less = _merged(distinct, offset)
    return (offset, len(distinct), less) if less < merged else (0, len(distinct), merged)


def _merged(distinct: list[int] | np.ndarray, offset: float) -> int:
    """How many of some distinct values are no longer told apart in float32, less an offset."""
    values = (
        np.array([float(value - offset) for value in distinct]) if isinstance(distinct, list) else distinct - offset
    )
    return len(values) - len(np.unique(values.astype(np.float32)))
