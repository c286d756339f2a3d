"""How the dates of a column are written: one format for all of its cells, found by looking or given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from runner.data.table_rows.date_directives import ISO
from runner.data.table_rows.values import moments_of

if TYPE_CHECKING:
    import pyarrow as pa

_DAYS = (
    ("%d/%m/%Y", "%m/%d/%Y"), ("%d-%m-%Y", "%m-%d-%Y"), ("%d.%m.%Y", "%m.%d.%Y"), ("%Y/%m/%d",), ("%Y.%m.%d",),
    ("%d/%m/%y", "%m/%d/%y"), ("%d.%m.%y",), ("%d %b %Y",), ("%d %B %Y",), ("%b %d, %Y",), ("%B %d, %Y",),
    ("%d-%b-%Y",), ("%Y-%m",),
)  # fmt: skip
_TIMES = ("", " %H:%M:%S", " %H:%M", "T%H:%M:%S")
#: Words that are looked at before a whole column is.
_GLANCE = 50


def formats_of(words: pa.Array) -> list[str]:
    """The formats of words (distinct, none missing): none, one, or two where day and month may be either.

    A format fits every word. Where none does, it fits at least half of them: the others are mistakes in dates.
    """
    likely = words.filter(_likely(words)) if len(words) else words
    if not len(likely) or len(likely) < len(words) / 2:
        return []
    few = likely.slice(0, _GLANCE)
    for least in (1.0, 0.5):
        if _share(few, ISO) >= least and _share(likely, ISO) >= least:
            return [ISO]
        # A year of four figures: without it, "3-4" would be a month of the year 3.
        long_year = np.mean([re.search(r"(?<!\d)\d{4}(?!\d)", word) is not None for word in few.to_pylist()]) >= least
        for pair in _DAYS:
            for time in _TIMES:
                forms = [day + time for day in pair if long_year == ("%Y" in day) and _share(few, day + time) >= least]
                if fits := [form for form in forms if _share(likely, form) >= least]:
                    return fits
    return []


def _share(words: pa.Array, form: str) -> float:
    """How many of the words are dates of that format: 0 to 1."""
    return 1 - float(read_each(words, form)[1].mean())


def _likely(words: pa.Array) -> pa.Array:
    """Which words have digits and something between them, as dates have: bool ``[n]``."""
    import pyarrow.compute as pc

    return pc.match_substring_regex(words, r"^(\d{1,4}[-/. ]|[A-Za-z]{3,9} \d)")


def read_each(words: pa.Array, form: str) -> tuple[np.ndarray, np.ndarray]:
    """Words as days since 1970, float64 ``[n]``, NaN for what is no date of that format, and where that is: bool."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if form == ISO:
        stamps = _iso(words)
        if stamps is None:
            return _some_iso(words)
    else:
        stamps = pc.strptime(words, form, "us", error_is_null=True)
    found = moments_of(pa.chunked_array([stamps]))
    return found, np.isnan(found)


def _iso(words: pa.Array) -> pa.Array | None:
    import pyarrow as pa

    for zone in (None, "UTC"):
        try:
            return words.cast(pa.timestamp("us", zone))
        except pa.ArrowInvalid:
            continue
    return None


def _some_iso(words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Of words that are not all ISO dates, those that are."""
    import pyarrow as pa

    values = np.full(len(words), np.nan)
    places = np.flatnonzero(np.asarray(_likely(words), bool))
    together = _iso(words.take(pa.array(places)))
    if together is not None:
        values[places] = moments_of(pa.chunked_array([together]))
        return values, np.isnan(values)
    for at in places:
        stamps = _iso(words.slice(int(at), 1))
        if stamps is not None:
            values[at] = moments_of(pa.chunked_array([stamps]))[0]
    return values, np.isnan(values)


def written(days: float) -> str:
    """Days since 1970 as ISO has them, with the time of day where there is one."""
    stamp = np.datetime64(round(days * 86_400), "s")
    return str(stamp.astype("datetime64[D]") if float(days).is_integer() else stamp)


def parts(days: np.ndarray) -> dict[str, np.ndarray]:
    """Year, month, day, weekday (Monday is 0), hour, and days since 1970 with their fraction: float64 ``[n]`` each."""
    known = ~np.isnan(days)
    whole = np.floor(np.where(known, days, 0)).astype(np.int64)
    date = whole.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    year = date.astype("datetime64[Y]")
    found = {
        "year": year.astype(np.int64) + 1970,
        "month": month.astype(np.int64) % 12 + 1,
        "day": (date - month).astype(np.int64) + 1,
        "weekday": (whole + 3) % 7,
        "hour": np.floor((np.where(known, days, 0) - whole) * 24 + 1e-9),
        "days": np.where(known, days, 0),
    }
    return {name: np.where(known, value, np.nan) for name, value in found.items()}
