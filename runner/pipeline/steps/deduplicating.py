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
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from runner.contract import Section, option
from runner.data.holdout import ColumnName, text_key
from runner.pipeline.steps import Inputs
from runner.pipeline.steps.part_names import in_order
from runner.pipeline.steps.row_files import need_rows, part_writer, rows_of
from runner.pipeline.steps.row_forms import need_column, prompt_of, texts_of
from runner.pipeline.steps.step_report import StepReport


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
    aside = StepReport()
    sets: list[list[int]] = []
    places: list[tuple[str, str]] = []
    frequency: Counter[int] = Counter()
    exact: set[bytes] = set()
    for part in in_order(inputs):
        for place, row in rows_of(inputs[part], aside):
            key = _key(row, options, place)
            # An equal row is left out anyway, and nothing is to be compared with it.
            shingles = [] if key in exact else sorted(_shingles(_compared(row, options), options.shingle))
            exact.add(key)
            frequency.update(shingles)
            sets.append(shingles)
            places.append((part, place))
    threshold = options.near or 0.0
    index: dict[int, list[int]] = {}
    found: dict[int, tuple[str, str]] = {}
    kept: dict[int, frozenset[int]] = {}
    for number, shingles in enumerate(sets):
        if not shingles:
            continue
        ordered = sorted(shingles, key=lambda one: (frequency[one], one))
        own = frozenset(ordered)
        prefix = ordered[: len(ordered) - math.ceil(threshold * len(ordered)) + 1]
        candidates = sorted({other for shingle in prefix for other in index.get(shingle, ())})
        first = next((other for other in candidates if _jaccard(own, kept[other]) >= threshold), None)
        if first is not None:
            found[number] = places[first]
            continue
        kept[number] = own
        for shingle in prefix:
            index.setdefault(shingle, []).append(number)
    return found


def _compared(row: Mapping[str, Any], options: Options) -> str:
    if options.by == "prompt":
        return prompt_of(row)
    return "\n".join(str(row.get(name)) for name in options.columns) if options.columns else texts_of(row)


def _shingles(text: str, size: int) -> set[int]:
    words = text.casefold().split()
    if len(words) <= size:
        return {text_key(" ".join(words))} if words else set()
    return {text_key(" ".join(words[at : at + size])) for at in range(len(words) - size + 1)}


def _jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    common = len(one & other)
    return common / (len(one) + len(other) - common)
