"""What is done with pairs once all of them are read: one form, scores in one range, and what is odd about them."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import LoadContext, LoadedData
from runner.contract.quantities import counted
from runner.data.dialogues.collected import first
from runner.data.dialogues.row_types import PairRow
from runner.data.holdout import text_key
from runner.data.kept_rows import KEYS, KeptRows, as_keys
from runner.data.no_label import no_label
from runner.data.table_rows.values import LOOK_ALIKE, alike, ascii_told
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.text_pairs.section import TextPairsData

#: Ranges that scores have where the spec says none; the first that holds them all is theirs. Those that stay as they
#: are come first.
RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 5.0), (0.0, 10.0), (0.0, 100.0))
AS_THEY_ARE = RANGES[:2]


def form_of(rows: Iterable[PairRow]) -> str:
    """``pair_score``, ``pair_class``, ``triplet`` or ``pair``: what all rows are. A triplet's negatives may be none."""
    others = iter(rows)
    row = next(others, None)
    if row is None:
        return "pair"
    if row.score is not None:
        return "pair_score"
    if row.label is not None:
        return "pair_class"
    return "triplet" if any(each.negatives for each in chain([row], others)) else "pair"


def finish(section: TextPairsData, loaded: LoadedData, context: LoadContext) -> LoadedData:
    """The same data, its scores in their range, with what is odd about the rows told."""

    def warn(sentence: str, pointer: str = "/data/dataset") -> None:
        context.report.warnings.append(sentence)
        context.emit("warning", message=sentence, pointer=pointer)

    _need_one_form(_every(loaded))
    if form_of(_every(loaded)) == "pair_class" and _are_fractions(_every(loaded)):
        # Numbers with a fraction are no classes.
        context.report.facts["scores"] = "the labels are numbers with fractions: they are taken as scores"
        loaded = _with_scores(loaded, lambda row: float(row.label or ""), context.cache)
    if form_of(_every(loaded)) == "pair_score":
        least, most = _ends(row.score for row in _every(loaded) if row.score is not None)
        low, high = _range(section, least, most)
        if section.score_range is None and (low, high) not in AS_THEY_ARE and most <= high / 2:
            warn(
                f"the scores go from {least:g} to {most:g}, and are taken as of {low:g} to "
                f'{high:g}: "score_range" says which they can have',
                "/data/score_range",
            )
        if (low, high) not in AS_THEY_ARE or section.score_range is not None:
            context.report.facts["score_range"] = [low, high]
            loaded = _with_scores(loaded, lambda row: ((row.score or 0.0) - low) / (high - low), context.cache)
    _tell(loaded, context.report.facts, warn)
    told = {
        name: context.report.facts[name] for name in ("scores", "score_range", "shared") if name in context.report.facts
    }
    return replace(loaded, record=loaded.record | {"form": form_of(_every(loaded))} | told)


def _every(loaded: LoadedData) -> Iterator[PairRow]:
    """The rows of both sides."""
    return chain(loaded.train, loaded.validation)


def _ends(values: Iterable[float]) -> tuple[float, float]:
    """The least and the greatest."""
    least, most = math.inf, -math.inf
    for value in values:
        least, most = min(least, value), max(most, value)
    return least, most


def _need_one_form(rows: Iterable[PairRow]) -> None:
    counts = Counter(
        "scored" if row.score is not None else "of a class" if row.label is not None else "bare" for row in rows
    )
    if len(counts) > 1:
        shown = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        raise DataError(
            f"the pairs are of several forms: {shown}", where="/data/form", hint="keep rows of one form, or name it"
        )


def _are_fractions(rows: Iterable[PairRow]) -> bool:
    """Whether all labels are numbers, and one has a fraction."""
    found = False
    for row in rows:
        try:
            found |= not float(row.label or "").is_integer()
        except ValueError:
            return False
    return found


def _with_scores(loaded: LoadedData, score: Callable[[PairRow], float], cache: Path) -> LoadedData:
    train, validation = (
        KeptRows(cache, (replace(row, score=score(row), label=None) for row in side))
        for side in (loaded.train, loaded.validation)
    )
    return replace(
        loaded, train=train.take(np.arange(len(train))), validation=validation.take(np.arange(len(validation)))
    )


def _range(section: TextPairsData, least: float, most: float) -> tuple[float, float]:
    """Raises :class:`DataError` where the spec names no range and none that is known holds all scores."""
    if section.score_range is not None:
        low, high = section.score_range
        return low, high
    for low, high in RANGES:
        if low <= least and most <= high:
            return low, high
    raise DataError(
        f"the scores go from {least:g} to {most:g}: the range that they are of is not known",
        where="/data/score_range",
        hint='say the least and the greatest score that there can be: "score_range": [-5, 5]',
    )


def _tell(loaded: LoadedData, facts: dict[str, Any], warn: Any) -> None:
    """What is odd about the pairs: the same two texts with two scores, and texts that several rows share."""
    keys, lines = array(KEYS), array("q")
    labels: Counter[str] = Counter()
    for row in _every(loaded):
        said = repr(float(row.score) + 0.0) if row.label is None and row.score is not None else f"={row.label}"
        keys.extend(map(text_key, (row.anchor.strip(), row.positive.strip(), said)))
        lines.append(row.line)
        if row.label is not None:
            labels[row.label] += 1
    if not lines:
        return
    # The texts and what is said of them, by 64 bits each: the texts themselves would take as much as the file.
    every = as_keys(keys).reshape(-1, 3)
    pairs, which = np.unique(every[:, :2], axis=0, return_inverse=True)
    which = which.reshape(-1)
    values = np.bincount(np.unique(np.stack([which, every[:, 2].view(np.int64)], 1), axis=0)[:, 0])
    last = len(which) - 1 - np.unique(which[::-1], return_index=True)[1]
    if against := [lines[at] for at in last[values > 1].tolist()]:
        what = "class" if labels else "score"
        warn(
            f"{counted(len(against), 'pairs')} stand there with more than one {what}: the last of each is line "
            f"{first(sorted(against), len(against))}"
        )
    if odd := no_label(labels):
        warn(odd)
    for same in alike(sorted(labels)):
        warn(f"the classes {', '.join(map(ascii_told, same))} {LOOK_ALIKE}")
    if shared := int((np.unique(pairs[:, 1], return_counts=True)[1] > 1).sum()):
        facts["shared"] = (
            f"{counted(shared, 'texts')} belong to several anchors; rows that share a text are in different batches "
            "where other rows of a batch are negatives"
        )


def _said(row: PairRow) -> float | str | None:
    """What is said of the two texts."""
    return row.score if row.label is None else row.label


def _all_alike(values: Iterable[float | str | None]) -> float | str | None:
    """The value that all of them are; None where two differ, and of none."""
    rest = iter(values)
    first = next(rest, None)
    return first if all(value == first for value in rest) else None


def need_differences(rows: Sequence[PairRow]) -> None:
    """Raise :class:`DataError` where there is nothing to tell apart."""
    form = form_of(rows)
    if form in ("pair_score", "pair_class") and (value := _all_alike(map(_said, rows))) is not None:
        what = "score" if form == "pair_score" else "class"
        raise DataError(
            f"every pair to learn from has the {what} {value!r}: there is nothing to tell apart",
            where="/data",
            hint='"form": "pair" learns from pairs that belong together, without it',
        )
    if form == "pair" and len(rows) > 1 and _all_alike(row.anchor.strip() for row in rows) is not None:
        raise DataError(
            "every pair to learn from has the same first text: every second text belongs to it, and none does not",
            where="/data",
            hint="is the right column the anchor? data.columns names it",
        )
    if form == "pair" and _all_alike(row.positive.strip() for row in rows) is not None:
        raise DataError(
            "every pair to learn from has the same second text: there is none that does not belong to an anchor",
            where="/data",
            hint="use more data, or rows with negatives",
        )
