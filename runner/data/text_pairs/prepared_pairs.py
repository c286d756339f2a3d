"""What is done with pairs once all of them are read: one form, scores in one range, and what is odd about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from runner.contract import LoadContext, LoadedData
from runner.contract.quantities import counted
from runner.data.dialogues.collected import first
from runner.data.dialogues.row_types import PairRow
from runner.data.no_label import no_label
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.text_pairs.section import TextPairsData

#: Ranges that scores have where the spec says none; the first that holds them all is theirs. Those that stay as they
#: are come first.
RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 5.0), (0.0, 10.0), (0.0, 100.0))
AS_THEY_ARE = RANGES[:2]


def form_of(rows: Sequence[PairRow]) -> str:
    """``pair_score``, ``pair_class``, ``triplet`` or ``pair``: what all rows are. A triplet's negatives may be none."""
    row = next(iter(rows), None)
    if row is None:
        return "pair"
    if row.score is not None:
        return "pair_score"
    if row.label is not None:
        return "pair_class"
    return "triplet" if any(each.negatives for each in rows) else "pair"


def finish(section: TextPairsData, loaded: LoadedData, context: LoadContext) -> LoadedData:
    """The same data, its scores in their range, with what is odd about the rows told."""

    def warn(sentence: str, pointer: str = "/data/dataset") -> None:
        context.report.warnings.append(sentence)
        context.emit("warning", message=sentence, pointer=pointer)

    every = [*loaded.train, *loaded.validation]
    _need_one_form(every)
    if form_of(every) == "pair_class" and (scores := _fractions(every)) is not None:
        # Numbers with a fraction are no classes.
        context.report.facts["scores"] = "the labels are numbers with fractions: they are taken as scores"
        loaded = _with_scores(loaded, scores)
        every = [*loaded.train, *loaded.validation]
    if form_of(every) == "pair_score":
        scores_read = [row.score for row in every if row.score is not None]
        low, high = _range(section, scores_read)
        if section.score_range is None and (low, high) not in AS_THEY_ARE and max(scores_read) <= high / 2:
            warn(
                f"the scores go from {min(scores_read):g} to {max(scores_read):g}, and are taken as of {low:g} to "
                f'{high:g}: "score_range" says which they can have',
                "/data/score_range",
            )
        if (low, high) not in AS_THEY_ARE or section.score_range is not None:
            context.report.facts["score_range"] = [low, high]
            scaled = {id(row): ((row.score or 0.0) - low) / (high - low) for row in every}
            loaded = _with_scores(loaded, scaled)
            every = [*loaded.train, *loaded.validation]
    _tell(every, context.report.facts, warn)
    told = {
        name: context.report.facts[name] for name in ("scores", "score_range", "shared") if name in context.report.facts
    }
    return replace(loaded, record=loaded.record | {"form": form_of(every)} | told)


def _need_one_form(rows: Sequence[PairRow]) -> None:
    counts = Counter(
        "scored" if row.score is not None else "of a class" if row.label is not None else "bare" for row in rows
    )
    if len(counts) > 1:
        shown = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        raise DataError(
            f"the pairs are of several forms: {shown}", where="/data/form", hint="keep rows of one form, or name it"
        )


def _fractions(rows: Sequence[PairRow]) -> dict[int, float] | None:
    """The labels as numbers, by the row, where all are numbers and one has a fraction."""
    try:
        found = {id(row): float(row.label or "") for row in rows}
    except ValueError:
        return None
    return found if any(not value.is_integer() for value in found.values()) else None


def _with_scores(loaded: LoadedData, scores: dict[int, float]) -> LoadedData:
    sides = (
        [replace(row, score=scores[id(row)], label=None) for row in side] for side in (loaded.train, loaded.validation)
    )
    train, validation = sides
    return replace(loaded, train=train, validation=validation)


def _range(section: TextPairsData, scores: Sequence[float]) -> tuple[float, float]:
    """Raises :class:`DataError` where the spec names no range and none that is known holds all scores."""
    if section.score_range is not None:
        low, high = section.score_range
        return low, high
    least, most = min(scores), max(scores)
    for low, high in RANGES:
        if low <= least and most <= high:
            return low, high
    raise DataError(
        f"the scores go from {least:g} to {most:g}: the range that they are of is not known",
        where="/data/score_range",
        hint='say the least and the greatest score that there can be: "score_range": [-5, 5]',
    )


def _tell(rows: Sequence[PairRow], facts: dict[str, Any], warn: Any) -> None:
    """What is odd about the pairs: the same two texts with two scores, and texts that several rows share."""
    said: dict[tuple[str, str], set[Any]] = {}
    lines: dict[tuple[str, str], int] = {}
    for row in rows:
        pair = (row.anchor.strip(), row.positive.strip())
        said.setdefault(pair, set()).add(row.score if row.label is None else row.label)
        lines[pair] = row.line
    if against := [lines[pair] for pair, values in said.items() if len(values) > 1]:
        what = "score" if rows[0].label is None else "class"
        warn(
            f"{counted(len(against), 'pairs')} stand there with more than one {what}: the last of each is line "
            f"{first(sorted(against), len(against))}"
        )
    if odd := no_label([row.label for row in rows if row.label is not None]):
        warn(odd)
    anchors: dict[str, set[str]] = {}
    for one, two in said:
        anchors.setdefault(two, set()).add(one)
    if shared := sum(len(each) > 1 for each in anchors.values()):
        facts["shared"] = (
            f"{counted(shared, 'texts')} belong to several anchors; rows that share a text are in different batches "
            "where other rows of a batch are negatives"
        )


def need_differences(rows: Sequence[PairRow]) -> None:
    """Raise :class:`DataError` where there is nothing to tell apart."""
    values: set[Any] = {row.score if row.label is None else row.label for row in rows}
    form = form_of(rows)
    if form in ("pair_score", "pair_class") and len(values) == 1:
        what = "score" if form == "pair_score" else "class"
        raise DataError(
            f"every pair to learn from has the {what} {next(iter(values))!r}: there is nothing to tell apart",
            where="/data",
            hint='"form": "pair" learns from pairs that belong together, without it',
        )
    if form == "pair" and len({row.positive.strip() for row in rows}) == 1:
        raise DataError(
            "every pair to learn from has the same second text: there is none that does not belong to an anchor",
            where="/data",
            hint="use more data, or rows with negatives",
        )
