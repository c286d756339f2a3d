"""A column's cells as numbers, as moments, or as words: whole columns at once, missing cells marked."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

#: What a file holds in a column, by its own words; ``text`` may read as anything.
Source = Literal["text", "number", "bool", "moment", "other"]
#: What programs write for a cell without a value.
WRITTEN_FOR_NONE = frozenset(("na", "n/a", "#n/a", "nan", "null"))
#: Words that mean missing where a column is numbers otherwise, in lower case.
MISSING_WORDS = WRITTEN_FOR_NONE | {"none", "nil", "-", "--", "?", "missing", "unknown"}
#: Days are counted from 1970-01-01.
DAY = 86_400_000_000
#: The greatest float32. Learners reckon in it, and a greater one is infinite to them.
GREATEST = float(np.finfo(np.float32).max)
#: A number with a sign of money or of shares, such as $5 or 12 %.
_SIGNED = re.compile(r"(?P<before>[$€£¥₹]?)\s?[+-]?\d[\d.,]*\s?(?P<after>[$€£¥₹%‰]?)")
#: What is said of different classes that :func:`alike` finds.
LOOK_ALIKE = (
    "differ in case, spacing, the coding of characters or a fraction of nothing alone and are different classes here"
)
#: A number with a fraction that is none.
_NO_FRACTION = re.compile(r"^([+-]?\d+)\.0*$")
_COMMA = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?([eE][+-]?\d+)?$|^[+-]?,\d+$|^[+-]?(inf|infinity)$"


@dataclass
class Words:
    """A column of words: ``words[codes[row]]`` is a row's, code -1 is a missing cell. ``codes``: int32 ``[n]``."""

    words: list[str]
    codes: np.ndarray


def source_of(array: pa.ChunkedArray) -> Source:
    """What kind of cells the file has."""
    import pyarrow as pa

    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "moment"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "text"
    return "text" if pa.types.is_null(kind) else "other"


def is_declared(array: pa.ChunkedArray) -> bool:
    """Whether the file itself says that a column is categories, as Parquet and Arrow can."""
    import pyarrow as pa

    return bool(pa.types.is_dictionary(array.type))


def texts(array: pa.ChunkedArray, missing: Sequence[str] = ()) -> pa.DictionaryArray:
    """A column of text or of other single values as words without spaces around; null is a missing cell.

    Missing are a null, an empty cell, and the words in ``missing``.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if pa.types.is_floating(kind):
        array = _float_words(array)
    flat = array.cast(pa.large_string())
    found = pc.dictionary_encode(flat)
    found = found.unify_dictionaries().combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    if isinstance(found, pa.ChunkedArray):
        found = found.chunk(0) if found.num_chunks else pa.array([], pa.large_string()).dictionary_encode()
    trimmed = pc.utf8_trim_whitespace(found.dictionary)
    gone = pc.equal(trimmed, "")
    if len(missing):
        gone = pc.or_(gone, pc.is_in(trimmed, pa.array(list(missing), pa.large_string())))
    trimmed = pc.if_else(gone, pa.scalar(None, pa.large_string()), trimmed)
    # Trimming may have made two words one.
    again = trimmed.dictionary_encode()
    indices = np.asarray(found.indices.fill_null(-1), np.int64)
    codes = np.asarray(again.indices.fill_null(-1), np.int64)
    together = np.where(indices < 0, -1, codes[indices]) if len(codes) else np.full(len(indices), -1)
    return pa.DictionaryArray.from_arrays(
        pa.array(together.astype(np.int32), pa.int32(), mask=together < 0), again.dictionary
    )


def _float_words(array: pa.ChunkedArray) -> pa.Array:
    """Floats as words: whole ones as whole numbers, which a column with a missing cell made them no more."""
    import pyarrow as pa

    values = numbers_of(array)
    distinct, at = np.unique(values, return_inverse=True)
    words = [
        None if math.isnan(value) else str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
        for value in distinct.tolist()
    ]
    return pa.array(words, pa.large_string()).take(pa.array(at))


def words_of(column: pa.DictionaryArray) -> Words:
    """The words in a fixed order: whole numbers by size, all else by its letters."""
    words = column.dictionary.to_pylist()
    codes = np.asarray(column.indices.fill_null(-1), np.int32)
    order = sorted(range(len(words)), key=lambda at: words[at])
    if all(re.fullmatch(r"-?\d{1,30}", word) for word in words):
        order.sort(key=lambda at: int(words[at]))
    rank = np.empty(len(words) + 1, np.int32)
    rank[order] = np.arange(len(words), dtype=np.int32)
    rank[-1] = -1
    return Words([words[at] for at in order], rank[codes])


def numbers_of(array: pa.ChunkedArray) -> np.ndarray:
    """A column of numbers or booleans as float64 ``[n]``, NaN where it is missing."""
    import pyarrow as pa

    parts = []
    for chunk in array.chunks if isinstance(array, pa.ChunkedArray) else [array]:
        if pa.types.is_dictionary(chunk.type):
            chunk = chunk.dictionary_decode()
        if pa.types.is_boolean(chunk.type):
            chunk = chunk.cast(pa.int8())
        if pa.types.is_float16(chunk.type):
            chunk = chunk.cast(pa.float32())
        chunk = chunk.cast(pa.float64(), safe=False)
        parts.append(chunk.to_numpy(zero_copy_only=False))
    return np.concatenate(parts).astype(np.float64, copy=False) if parts else np.zeros(0)


def numbers_in(column: pa.DictionaryArray, decimal: str = ".") -> tuple[np.ndarray, np.ndarray]:
    """Words as numbers: float64 ``[n]`` with NaN where missing or no number, and bool ``[n]`` where a word is none."""
    values = _word_numbers(column.dictionary, decimal)
    codes = np.asarray(column.indices.fill_null(-1), np.int64)
    found = np.append(values[0], np.nan)[codes]
    return found, np.append(values[1], False)[codes]


def _word_numbers(words: pa.Array, decimal: str) -> tuple[np.ndarray, np.ndarray]:
    """Distinct words as numbers, and which of them are none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    bad = np.zeros(len(words), bool)
    if decimal == ",":
        bad = ~np.asarray(pc.match_substring_regex(words, _COMMA, ignore_case=True), bool)
        words = pc.replace_substring(pc.replace_substring(words, ".", ""), ",", ".")
        words = pc.if_else(pa.array(bad), "nan", words)
    try:
        values = np.asarray(words.cast(pa.float64()), np.float64)
    except pa.ArrowInvalid:
        each = [_number(word) for word in words.to_pylist()]
        values = np.array([np.nan if value is None else value for value in each], np.float64)
        bad |= np.array([value is None for value in each], bool)
    # "nan" is a word that means missing, no number.
    return values, bad | np.isnan(values)


def _number(word: str) -> float | None:
    if "_" in word:
        return None  # 1_000 is Python's, no file's
    try:
        return float(word)
    except ValueError:
        return None


def is_number(word: str, decimal: str = ".") -> bool:
    """Whether a word is a number that is finite."""
    if decimal == ",":
        return re.fullmatch(_COMMA, word, re.IGNORECASE) is not None
    value = _number(word)
    return value is not None and math.isfinite(value)


def comma_numbers(words: Sequence[str]) -> bool:
    """Whether the words are numbers with a decimal comma."""
    return bool(words) and all(re.match(_COMMA, word, re.IGNORECASE) for word in words) and any("," in w for w in words)


def beyond(values: np.ndarray) -> np.ndarray:
    """Which numbers are infinite, or become so in the float32 that learners reckon in: bool ``[n]``; NaN is not."""
    return np.abs(values) > GREATEST


def with_signs(words: Sequence[str]) -> bool:
    """Whether all words are numbers with one and the same sign of money or of shares, such as 12% or $5."""
    found = [_SIGNED.fullmatch(word) for word in words]
    signs = {match and (match["before"], match["after"]) for match in found}
    return len(signs) == 1 and None not in signs and signs != {("", "")}


def in_thousands(word: str) -> bool:
    """Whether commas may part thousands in a number: 1,200 and 1,200,000.5."""
    return re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", word) is not None


def alike(words: Sequence[str]) -> list[list[str]]:
    """Different words that look the same: but for case, blanks, invisible characters, how accents are coded, and a
    fraction of nothing, as of ``1`` and ``1.0``."""
    folded: dict[str, list[str]] = {}
    for word in words:
        seen = "".join(each for each in unicodedata.normalize("NFC", word) if unicodedata.category(each) != "Cf")
        told = _NO_FRACTION.sub(r"\1", " ".join(seen.split()).casefold())
        folded.setdefault(told, []).append(word)
    return [same for same in folded.values() if len(same) > 1]


def ascii_told(word: str) -> str:
    """A word in quotes; where it is not in the usual coding, by its characters' numbers, which can be told apart."""
    odd = word != unicodedata.normalize("NFC", word) or any(unicodedata.category(each) == "Cf" for each in word)
    return ascii(word) if odd else repr(word)


def codes_of_digits(words: Sequence[str]) -> bool:
    """Whether a word is a number by its digits and a code by its leading zeros, such as a postal code."""
    return any(re.fullmatch(r"0\d+", word) for word in words)


def moments_of(array: pa.ChunkedArray) -> np.ndarray:
    """A column of dates or timestamps as days since 1970, float64 ``[n]``, NaN where missing. Zones are as UTC."""
    import pyarrow as pa

    parts = []
    for chunk in array.chunks if isinstance(array, pa.ChunkedArray) else [array]:
        zone = chunk.type.tz if pa.types.is_timestamp(chunk.type) else None
        stamps = chunk.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
        values = np.asarray(stamps.fill_null(0), np.int64) / DAY
        values[np.asarray(chunk.is_null(), bool)] = np.nan
        parts.append(values)
    return np.concatenate(parts) if parts else np.zeros(0)
