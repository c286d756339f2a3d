"""How a new LLM did on some prompts, as comparisons with the LLMs that a router knows: of scores, or as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from runner import near_names
from runner.contract import DataReport, ModelSpec
from runner.data.category_tags import prompt_tags
from runner.data.comparisons import B, Comparisons, ComparisonsData, sources
from runner.data.comparisons.lost_rows import refuse
from runner.data.comparisons.outcome_pairs import winners
from runner.data.comparisons.outcome_source import found
from runner.data.comparisons.prepared import build
from runner.data.holdout import text_key
from runner.data.outcomes import OutcomeMatrix, Outcomes
from runner.data.outcomes.outcome_fields import OutcomeColumns
from runner.data.outcomes.outcome_files import Found
from runner.data.outcomes.published_forms import Sparse, compares
from runner.data.records import open_records
from runner.errors import ConflictError, DataError, NotFoundError, UsageError
from runner.inference.extending.known_outcomes import TrainingOutcomes, key_of

#: With fewer prompts nothing can be said of clusters, and little of a level.
FEWEST = 8
#: How far beyond the training's scores, as a share of their range, a score may lie.
BEYOND = 0.5
WHERE, LLM = "--with", "--llm"


@dataclass(frozen=True)
class Router:
    """What is asked of the router that is extended."""

    reference: str
    spec: type[ModelSpec]
    known: tuple[str, ...]
    #: The router's scores of all known LLMs over its temperature, float64 ``[P, M]``, of prompts and earlier turns.
    score: Callable[[Sequence[str], Sequence[Sequence[str]]], np.ndarray]
    #: The outcomes of its training, read when they are needed.
    training: Callable[[], TrainingOutcomes | None]

    @cached_property
    def names(self) -> set[str]:
        return set(self.known)


@dataclass(frozen=True)
class NewOutcomes:
    """``P`` prompts and ``n`` comparisons of the new LLM with known ones that have a winner."""

    llm: str
    prompts: tuple[str, ...]
    histories: tuple[tuple[str, ...], ...]
    keys: tuple[str, ...]
    tags: np.ndarray | None
    prompt: np.ndarray  # int64 [n]
    rival: np.ndarray  # int64 [n], of the known LLMs
    won: np.ndarray  # float64 [n], 1 or 0
    weight: np.ndarray  # float64 [n]; less than 1 where the known LLM's outcome is foretold
    #: Comparisons with those that have no winner, and prompts on which the known LLMs' outcomes are foretold.
    comparisons: int
    foretold: int
    #: Means of what is known of the new LLM's calls: ``cost``, ``prompt_tokens``, ``completion_tokens``, ``latency``.
    amounts: dict[str, float] = field(default_factory=dict)

    def ordered(self) -> NewOutcomes:
        """The same with prompts and comparisons in an order of their own, so that a file's changes no bit."""
        told = [text_key("\x00".join([*history, key])) for history, key in zip(self.histories, self.keys, strict=True)]
        order = np.argsort(np.array(told, np.uint64), kind="stable")
        place = np.argsort(order)
        rows = np.lexsort((self.won, self.rival, place[self.prompt]))
        return replace(
            self,
            prompts=tuple(self.prompts[at] for at in order),
            histories=tuple(self.histories[at] for at in order),
            keys=tuple(self.keys[at] for at in order),
            tags=None if self.tags is None else self.tags[order],
            prompt=place[self.prompt][rows],
            rival=self.rival[rows],
            won=self.won[rows],
            weight=self.weight[rows],
        )

    def digest(self, known: Sequence[str]) -> str:
        """The SHA-256 (hex) of what the estimate is made from."""
        told = hashlib.sha256()
        for text in (self.llm, *known, *self.keys, *(turn for history in self.histories for turn in history)):
            encoded = text.encode("utf-8", "surrogatepass")
            told.update(b"%d " % len(encoded) + encoded)
        for values in (self.prompt, self.rival, self.won, self.weight):
            told.update(np.asarray(values, "<f8").tobytes())
        return told.hexdigest()


def read(section: ComparisonsData, router: Router, llm: str | None, say: Callable[[str], None]) -> NewOutcomes:
    """Read a file as training would, and keep what tells of the new LLM.

    Raises :class:`DataError` for what cannot be read or compared, :class:`ConflictError` for an LLM that the router
    knows, :class:`UsageError` where several LLMs are new and none is named.
    """
    section, source = _found(section, llm)
    new = _of_comparisons(section, router, llm, say) if source is None else None
    if source is not None:
        report = DataReport("outcomes")
        matrix, _ = source.read(report)
        _tell(report, say)
        if not len(matrix):
            reasons = {**report.rows_dropped, **report.rows_changed}
            raise DataError(
                f"none of {report.rows_read} rows has a score that can be used: {', '.join(reasons)}",
                where=section.dataset,
                hint="a score is a number, the greater the better; --columns names the column",
            )
        new = _of_matrix(matrix, section, router, llm, say)
    assert new is not None
    if len(new.prompts) < FEWEST:
        raise DataError(
            f"{len(new.prompts)} different prompts tell of {new.llm} against an LLM that {router.reference} knows, and "
            f"{FEWEST} are the least",
            where=section.dataset,
            hint=f"score {new.llm} on more prompts, of all the kinds that it will be asked",
        )
    if not len(new.won):
        raise DataError(
            f"{new.llm} is neither better nor worse than any known LLM on any prompt: all {new.comparisons} "
            "comparisons are ties",
            where=section.dataset,
            hint="score it on prompts on which the known LLMs differ",
        )
    return new.ordered()


def _found(section: ComparisonsData, llm: str | None) -> tuple[ComparisonsData, Found | None]:
    """The file as outcomes, or None for comparisons, and the section that describes it as what it is.

    Columns that are named may be those of either: they are a matrix's where the file is one.
    """
    named = {} if section.columns is None else section.columns.model_dump(exclude_unset=True)
    if not named or not named.keys() <= OutcomeColumns.model_fields.keys():
        return section, found(section, sparse=Sparse(llm))
    roles = {"dataset": section.dataset, "outcomes": Outcomes(columns=OutcomeColumns(**named))}
    of_matrix = section.model_copy(update=roles | {"columns": None})
    try:
        return of_matrix, found(of_matrix, sparse=Sparse(llm))
    except DataError:
        if compares(
            open_records(section.dataset, encoding=section.encoding, delimiter=section.delimiter).columns or ()
        ):
            return section, None
        raise


def _of_comparisons(
    section: ComparisonsData, router: Router, llm: str | None, say: Callable[[str], None]
) -> NewOutcomes:
    reads = router.spec.reads - {"responses"}
    try:
        rows = sources.read(
            section.dataset,
            section.columns,
            section.winner_values,
            reads,
            router.reference,
            encoding=section.encoding,
            delimiter=section.delimiter,
            empty=True,
        )
    except DataError as error:
        alone = (
            "a file of one LLM's scores needs its name: --llm NAME; its columns are prompt and score" if not llm else ""
        )
        error.hint = "\n  ".join(part for part in (error.hint, alone) if part) or None
        raise
    if rows.skipped:
        say(f"{rows.read - len(rows)} of {rows.read} rows are not used: {', '.join(rows.skipped)}")
    refuse(rows, section.max_rows_lost, section.dataset, winners=False)
    whole = build(rows, np.arange(len(rows)))
    name = _new_llm(whole.models, router, llm)
    number = {model: at for at, model in enumerate(router.known)}
    column = np.array([number.get(model, -1) for model in whole.models], np.int64)
    mine = whole.models.index(name)
    is_a, is_b = whole.model_a == mine, whole.model_b == mine
    rival = column[np.where(is_a, whole.model_b, whole.model_a)]
    with_known = (is_a != is_b) & (rival >= 0)
    data = whole.take(with_known)
    _need_overlap(len(data), name, router, section.dataset)
    prompts, at = np.unique(data.prompt, return_inverse=True)
    decided = data.decided
    first = data.model_a == mine
    return NewOutcomes(
        llm=name,
        prompts=tuple(data.prompts[place] for place in prompts),
        histories=tuple(data.histories[place] for place in prompts),
        keys=tuple(data.keys[place] for place in prompts),
        tags=_tags(data, prompts),
        prompt=at[decided],
        rival=rival[with_known][decided],
        won=(first == (data.winner != B))[decided].astype(np.float64),
        weight=np.ones(int(decided.sum())),
        comparisons=len(data),
        foretold=0,
    )


def _tags(data: Comparisons, prompts: np.ndarray) -> np.ndarray | None:
    return prompt_tags([data])[prompts] if data.tags else None


def _of_matrix(
    matrix: OutcomeMatrix, section: ComparisonsData, router: Router, llm: str | None, say: Callable[[str], None]
) -> NewOutcomes:
    name = _new_llm(matrix.models, router, llm)
    if "prompts" in router.spec.reads and "prompts" in matrix.lacks:
        raise DataError(f"{router.reference} reads prompts, and this matrix has none", where=section.dataset)
    matrix = matrix.take(matrix.of([name]).filled[:, 0])
    score = matrix.of([name]).scores[:, 0]
    known = matrix.of(router.known).scores
    options = section.outcomes or Outcomes()
    here = ~np.isnan(known).all(axis=1)
    training = None if here.all() else router.training()
    if training is not None:
        _check_scale(score, training.limits, name, section.dataset, say)
        options = section.outcomes or training.options
        keys = [key_of(text, history) for text, history in zip(matrix.keys, matrix.histories, strict=True)]
        known = np.where(here[:, None], known, training.scores(keys, router.known))
    row, rival = np.nonzero(~np.isnan(known))
    outcome = winners(score[row], known[row, rival], options)
    decided = outcome <= B
    parts = [(row[decided], rival[decided], (outcome != B)[decided].astype(np.float64), np.ones(int(decided.sum())))]
    unknown = np.isnan(known).all(axis=1)
    lacking = np.flatnonzero(unknown)
    if len(lacking) and training is not None:
        parts += _foretold(matrix.take(lacking), lacking, score[lacking], training, router)
    elif len(lacking):
        _need_overlap(len(row), name, router, section.dataset)
        say(f"{len(lacking)} prompts are not used: what the known LLMs got on them is not known")
        matrix, kept = matrix.take(~unknown), np.cumsum(~unknown)
        parts = [(kept[rows] - 1, *rest) for rows, *rest in parts]
        lacking = lacking[:0]
    amounts = {"cost": "costs"} | {word: word for word in ("prompt_tokens", "completion_tokens", "latency")}
    own = matrix.of([name])
    tables = {word: getattr(own, table) for word, table in amounts.items()}
    return NewOutcomes(
        llm=name,
        prompts=matrix.prompts,
        histories=matrix.histories,
        keys=matrix.keys,
        tags=None,
        **dict(zip(("prompt", "rival", "won", "weight"), map(np.concatenate, zip(*parts, strict=True)), strict=True)),
        comparisons=len(row) + len(lacking) * len(router.known),
        foretold=len(lacking),
        amounts={
            word: float(np.nanmean(table))
            for word, table in tables.items()
            if table is not None and not np.isnan(table).all()
        },
    )


def _foretold(
    matrix: OutcomeMatrix, rows: np.ndarray, score: np.ndarray, training: TrainingOutcomes, router: Router
) -> list[Any]:
    """A won and a lost comparison with every known LLM, by how likely each is, of prompts that nobody else was scored
    on: of independent answers that are right or wrong, the chances that one alone is right."""
    low, high = training.limits
    worth = np.clip((score - low) / max(high - low, 1e-12), 0, 1)[:, None]
    expected = training.foretold(
        lambda side: router.score(side.prompts, side.histories),
        router.score(matrix.prompts, matrix.histories),
        router.known,
    )
    row, rival = (axis.ravel() for axis in np.indices(expected.shape))
    chances = ((1.0, worth * (1 - expected)), (0.0, (1 - worth) * expected))
    return [(rows[row], rival, np.full(len(row), won), chance.ravel()) for won, chance in chances]


def _new_llm(models: Sequence[str], router: Router, llm: str | None) -> str:
    """The LLM of the file that is new."""
    strangers = [name for name in models if name not in router.names]
    if llm is not None:
        if llm in router.names:
            raise ConflictError(
                f"{router.reference} knows {llm!r} already",
                where=LLM,
                hint="name an LLM that is new; what is known of one changes by training again",
            )
        if llm not in strangers:
            raise NotFoundError(
                f"the file has no usable row of {llm!r}",
                where=LLM,
                hint=near_names.hint(llm, strangers, f"new in it: {', '.join(strangers) or 'none'}"),
            )
        return llm
    if not strangers:
        told = ", ".join(map(repr, models[:5])) + (" ..." if len(models) > 5 else "")
        raise ConflictError(
            f"{router.reference} knows every LLM of the file already: {told or 'it has none'}",
            where=WHERE,
            hint="hand over rows of an LLM that is new; what is known of one changes by training again",
        )
    if len(strangers) > 1:
        raise UsageError(
            f"{len(strangers)} LLMs of the file are new: {', '.join(strangers[:8])}",
            where=LLM,
            hint=f"one joins at a time: --llm {strangers[0]!r}",
        )
    return strangers[0]


def _need_overlap(rows: int, name: str, router: Router, where: str) -> None:
    if not rows:
        raise DataError(
            f"nothing compares {name} with an LLM that {router.reference} knows",
            where=where,
            hint=f"put what known LLMs got on these prompts beside it: {', '.join(router.known[:5])}"
            + (" ..." if len(router.known) > 5 else ""),
        )


def _check_scale(
    score: np.ndarray, limits: tuple[float, float], name: str, where: str, say: Callable[[str], None]
) -> None:
    """Raise :class:`DataError` for scores that cannot be on the training's scale; tell of those that may not be."""
    low, high = limits
    least, most = float(score.min()), float(score.max())
    room = BEYOND * (high - low)
    if least < low - room or most > high + room:
        raise DataError(
            f"the scores of {name} reach from {least:g} to {most:g}, those of the training from {low:g} to {high:g}",
            where=where,
            hint="bring them to the training's scale",
        )
    if high - low > 10 * max(most - low, 1e-12) and most > low:
        say(
            f"the scores of {name} reach to {most:g}, those of the training to {high:g}: if they are on another scale, "
            "bring them to the training's"
        )


def _tell(report: DataReport, say: Callable[[str], None]) -> None:
    for counts, told in ((report.rows_dropped, "rows are not used"), (report.rows_changed, "cells")):
        for reason, count in counts.items():
            say(f"{told}: {reason} ({count}, first in {report.named[reason][0]})")
    for sentence in report.warnings:
        say(sentence)
