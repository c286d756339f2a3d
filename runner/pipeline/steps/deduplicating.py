"""``dedupe``: each row once, over all parts. The first stays, in the order train, validation, test, then others.

Equal rows are found by a hash of their normalised text. Rows that are nearly equal are those whose sets of shingles
(``shingle`` words in a row) have a Jaccard index of ``near`` or more, exactly computed: rows that may reach it are
found by prefix filtering (Bayardo, Ma and Srikant, *Scaling up all pairs similarity search*, 2007), with shingles from
the rarest to the most frequent. Eight bytes of each shingle are held in memory.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runner.contract import Section, option
from runner.data.holdout import ColumnName
from runner.pipeline.steps import Inputs
from runner.pipeline.steps.part_names import in_order
from runner.pipeline.steps.row_files import need_rows, part_writer, rows_of
from runner.pipeline.steps.row_forms import need_column, prompt_of, texts_of
from runner.pipeline.steps.step_report import StepReport

if TYPE_CHECKING:
    import numpy as np


class Options(Section):
    """What ``dedupe`` may be told."""

    by: Literal["row", "prompt"] = option(
        "row", description="row: rows that say the same; prompt: rows that ask the same, of which the first stays."
    )
    columns: list[ColumnName] = option(factory=list, description="Compare these columns alone. Not beside by = prompt.")
    whitespace: bool = option(True, description="Rows that differ by blanks and line breaks alone are equal.")
    casefold: bool = option(False, description="Rows that differ by capital letters alone are equal.")
    near: float | None = option(
        None,
        gt=0,
        lt=1,
        description="Leave out rows also that are so much alike: the Jaccard index of their shingles, such as 0.8.",
    )
    shingle: int = option(3, ge=1, le=50, description="Words of a shingle. Only beside near.")


def run(inputs: Inputs, options: Options, out: Path) -> StepReport:
    """Each part without the rows that were there before. Raises :class:`~runner.errors.DataError` where a column that
    is to be compared is not there, or options have no effect beside others."""
    _check(options)
    report = StepReport()
    near = None if options.near is None else _near_repeats(inputs, options)
    seen: dict[bytes, tuple[str, str]] = {}
    number = 0
    for part in in_order(inputs):
        with part_writer(out, part, report) as writer:
            for place, row in rows_of(inputs[part], report):
                reason = None
                key = _key(row, options, place)
                if key in seen:
                    reason, first = "equal", seen[key]
                elif near is not None and number in near:
                    reason, first = "nearly_equal", near[number]
                    # What is equal to it later is left out for the row that stays.
                    seen[key] = first
                else:
                    seen[key] = (part, place)
                number += 1
                if reason is None:
                    writer.write(row)
                    continue
                report.drop(reason, f"{place} (first: {first[1]})")
                if first[0] != part:
                    pair = f"{part} repeats {first[0]}"
                    across = report.facts.setdefault("across_parts", {})
                    across[pair] = across.get(pair, 0) + 1
    need_rows(report, inputs, "name a file with rows")
    return report


def _check(options: Options) -> None:
    from runner.errors import DataError

    if options.columns and options.by == "prompt":
        raise DataError("columns are compared, or prompts", where="columns", hint="leave out one of columns and by")
    if options.near is None and options.shingle != type(options).model_fields["shingle"].default:
        raise DataError("has no effect without near", where="shingle", hint="set near, such as 0.8, or leave it out")


def _key(row: Mapping[str, Any], options: Options, place: str) -> bytes:
    """A hash of what is compared of a row, normalised."""
    if options.columns:
        need_column(row, options.columns, place)
        row = {name: row[name] for name in options.columns}
    value = _normal(prompt_of(row) if options.by == "prompt" else dict(row), options)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _normal(value: Any, options: Options) -> Any:
    if isinstance(value, str):
        text = " ".join(value.split()) if options.whitespace else value
        return text.casefold() if options.casefold else text
    if isinstance(value, Mapping):
        return {str(name): _normal(each, options) for name, each in value.items()}
    return [_normal(each, options) for each in value] if isinstance(value, list | tuple) else value


def _near_repeats(inputs: Inputs, options: Options) -> dict[int, tuple[str, str]]:
    """The rows, by their number over all parts, that are nearly an earlier one that stays, each with its place."""
    import numpy as np

    aside, shingled = StepReport(), Shingles(options.shingle)
    rows: list[np.ndarray] = []
    places: list[tuple[str, str]] = []
    exact: set[bytes] = set()
    for part in in_order(inputs):
        for place, row in rows_of(inputs[part], aside):
            key = _key(row, options, place)
            # An equal row is left out anyway, and nothing is to be compared with it.
            rows.append(shingled.of("" if key in exact else _compared(row, options)))
            exact.add(key)
            places.append((part, place))
    threshold = options.near or 0.0
    known, counts = np.unique(np.concatenate(rows) if rows else np.zeros(0, np.uint64), return_counts=True)
    index: dict[int, list[int]] = {}
    found: dict[int, tuple[str, str]] = {}
    for number, own in enumerate(rows):
        frequency = counts[np.searchsorted(known, own)]
        rarest = np.lexsort((own, frequency))[: len(own) - math.ceil(threshold * len(own)) + 1]
        # A shingle that one row has leads to no other.
        prefix = own[rarest[frequency[rarest] > 1]].tolist() if len(own) else []
        candidates = sorted({other for shingle in prefix for other in index.get(shingle, ())})
        first = next((other for other in candidates if jaccard(own, rows[other]) >= threshold), None)
        if first is not None:
            found[number] = places[first]
            continue
        for shingle in prefix:
            index.setdefault(shingle, []).append(number)
    return found


def _compared(row: Mapping[str, Any], options: Options) -> str:
    if options.by == "prompt":
        return prompt_of(row)
    return "\n".join(str(row.get(name)) for name in options.columns) if options.columns else texts_of(row)


class Shingles:
    """The shingles of texts, as numbers of 64 bits. A text of fewer words than a shingle has is one shingle."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._words: dict[str, int] = {}

    def of(self, text: str) -> np.ndarray:
        """Each shingle of a text once, uint64, rising; none of a blank text."""
        import numpy as np

        words = [self._words.setdefault(word, len(self._words)) for word in text.casefold().split()]
        last = max(len(words) - self._size, 0) + 1 if words else 0
        # The hash of a tuple of whole numbers is the same in every process.
        found = {hash(tuple(words[at : at + self._size])) % 2**64 for at in range(last)}
        return np.array(sorted(found), np.uint64)


def jaccard(one: np.ndarray, other: np.ndarray) -> float:
    """The share of two sets' members that both have. uint64, each member once."""
    common = len(set(one.tolist()).intersection(other.tolist()))
    return common / (len(one) + len(other) - common)
