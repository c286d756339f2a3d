"""Extending a stored router: read, estimate, check, store. The router's own files stay as they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from runner import __version__
from runner.contract import Table, Task
from runner.data.comparisons import ComparisonsData
from runner.errors import ConflictError, RunFailed, UsageError
from runner.inference.extending.known_outcomes import TrainingOutcomes
from runner.inference.extending.new_outcomes import NewOutcomes, Router, read
from runner.inference.opening import Opened, open_model
from runner.store.manifest import ModelFacts
from runner.store.model_lookup import StoredModel
from runner.store.model_storing import check_store, promote
from runner.store.names import name_fault
from runner.tasks.ranking import extended
from runner.tasks.ranking.calibration import probability
from runner.tasks.ranking.extended import AddedLlm, ExtendedPredictor
from runner.tasks.ranking.few_prompts import Estimate, FewPrompts, estimate, nearest
from runner.tasks.ranking.few_prompts_check import Checked, cross_checked
from runner.tasks.ranking.llm_predictor import LlmPredictor, llm_predictor
from runner.workspace import Workspace

#: What the manifest calls the model that was extended.
FROM = "extended_from"
#: Known LLMs that are named of which the new one has most.
LIKE = 3
EXAMPLE = 48


@dataclass(frozen=True)
class Extended:
    """The stored model, and what it says of the LLM that joined."""

    stored: StoredModel
    parent: str
    new: NewOutcomes
    found: Estimate
    checked: Checked
    tables: list[Table]
    like: list[tuple[str, float]]
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        new, found = self.new, self.found
        return {
            "model": self.stored.reference,
            "path": str(self.stored.path),
            "extended_from": self.parent,
            "llm": new.llm,
            "prompts": len(new.prompts),
            "prompts_foretold": new.foretold,
            "comparisons": new.comparisons,
            "overall": _chances(*found.overall),
            "most_like": [{"model": name, "share": share} for name, share in self.like],
            "offset_variance": found.offset_variance,
            "pattern_variance": found.pattern_variance,
            "amounts": new.amounts,
            "check": self.checked.as_dict(),
            "tables": {table.name: table.as_dict() for table in self.tables},
            "warnings": self.warnings,
        }


def extend(
    workspace: Workspace,
    reference: str,
    section: ComparisonsData,
    new_name: str,
    *,
    llm: str | None = None,
    device: str = "cpu",
    batch_size: int = 128,
    say: Callable[[str], None] = lambda text: None,
) -> Extended:
    """Store ``new_name``, a router of the same type that knows one LLM more.

    Raises :class:`~runner.errors.UsageError`, :class:`~runner.errors.ConflictError` for a model of another task,
    :class:`~runner.errors.DataError` for rows that cannot be used, and what opening a model raises.
    """
    fault = name_fault(new_name)
    if fault is not None:
        raise UsageError(f"the name {fault}", where="--new-name", hint="such as --new-name router-2")
    opened = open_model(workspace, reference, device=device)
    need_extendable(opened.reference, opened.task)
    check_store(workspace.store, opened.model_type, new_name)
    warnings = list(opened.warnings)

    def tell(text: str) -> None:
        warnings.append(text)
        say(text)

    predictor = llm_predictor(opened.predictor)
    predictor.use_cache(opened.cache)
    temperature = opened.parameter("temperature") or 1.0
    router = _router(opened, predictor, temperature, batch_size, tell)
    new = read(section, router, llm, tell)
    few = _few(new, router, predictor, temperature, batch_size)
    found, checked = estimate(few), cross_checked(few, new.keys)
    if (doubt := checked.warning(new.llm)) is not None:
        tell(doubt)
    added = AddedLlm.of(new.llm, router.known, found, temperature)
    tables = [_clusters(new, few, found), checked.table()]
    before = predictor.added if isinstance(predictor, ExtendedPredictor) else []
    stored = promote(
        workspace.store,
        opened.model_type,
        new_name,
        opened.path,
        _facts(opened, new, router, section, tables),
        add=lambda folder: extended.write(folder, [*before, added]),
    )
    return Extended(stored, opened.reference, new, found, checked, tables, _like(router, found), warnings)


def need_extendable(reference: str, task: Task) -> None:
    """Raise :class:`ConflictError` for a stored model of a task whose models cannot be extended."""
    if not task.has_room("extended"):
        raise ConflictError(
            f"{reference} is a model of {task.name}, and no LLM can join it afterwards",
            where=reference,
            hint="extend a model that ranks LLMs; train another again, with rows of the new LLM",
        )


def _router(
    opened: Opened, predictor: LlmPredictor, temperature: float, batch_size: int, say: Callable[[str], None]
) -> Router:
    known = tuple(predictor.models)
    if len(known) < 2:
        raise ConflictError(
            f"{opened.reference} knows {len(known)} LLMs, and a new one is told by at least two",
            where=opened.reference,
            hint="train it again with rows of the new LLM",
        )

    def score(prompts: Sequence[str], histories: Sequence[Sequence[str]]) -> np.ndarray:
        return _scores(predictor, known, temperature, batch_size, prompts, histories, None)

    return Router(opened.reference, opened.builder.Spec, known, score, cache(lambda: TrainingOutcomes.of(opened, say)))


def _scores(
    predictor: LlmPredictor,
    known: Sequence[str],
    temperature: float,
    batch_size: int,
    prompts: Sequence[str],
    histories: Sequence[Sequence[str]],
    tags: Any,
) -> np.ndarray:
    """float64 ``[P, M]``, over the temperature. Raises :class:`RunFailed` for scores that are no numbers."""
    table = np.asarray(predictor.score_llms(prompts, known, batch_size, histories=histories, tags=tags), np.float64)
    if not np.isfinite(table).all():
        raise RunFailed("the router's scores are not all numbers", hint="its weights are no good: train it again")
    return table.T / temperature


def _few(new: NewOutcomes, router: Router, predictor: LlmPredictor, temperature: float, batch_size: int) -> FewPrompts:
    scores = _scores(predictor, router.known, temperature, batch_size, new.prompts, new.histories, new.tags)
    vectors = predictor.prompt_vectors(new.prompts, batch_size)
    return FewPrompts(scores, vectors, new.prompt, new.rival, new.won, new.weight)


def _facts(
    opened: Opened, new: NewOutcomes, router: Router, section: ComparisonsData, tables: Sequence[Table]
) -> ModelFacts:
    """What the manifest says: all that it said of the router, and what was added."""
    manifest = opened.manifest
    given = {
        each: getattr(manifest, each) for each in ("spec", "metrics", "parameters", "epochs", "best_epoch", "lock")
    }
    return ModelFacts(
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        caveats=(
            *manifest.caveats,
            f"{new.llm} was added from {len(new.prompts)} prompts; what is measured is {opened.reference}, without it",
        ),
        references={FROM: opened.reference},
        tables=dict(manifest.tables) | {table.name: table.as_dict() for table in tables},
        extension={
            "llm": new.llm,
            "from": opened.reference,
            "from_sha256": manifest.sha256,
            "data": section.model_dump(mode="json", exclude_unset=True),
            "data_sha256": new.digest(router.known),
            "prompts": len(new.prompts),
            "runner": __version__,
        },
        **given,
    )


def _like(router: Router, found: Estimate) -> list[tuple[str, float]]:
    """The known LLMs that weigh most in the mixture, where it is not even."""
    even = 1 / len(router.known)
    order = np.argsort(-found.mixture, kind="stable")[:LIKE]
    return [(router.known[at], float(found.mixture[at])) for at in order if found.mixture[at] > 1.05 * even]


def _clusters(new: NewOutcomes, few: FewPrompts, found: Estimate) -> Table:
    """By cluster an example, how many prompts, what was won there, and the estimate with its interval."""
    whole = np.zeros(len(new.prompts), np.int64)
    rows = []
    centres, vectors = found.centres, few.vectors
    cluster = whole if centres is None or vectors is None else nearest(vectors, centres)
    for each in range(len(found.lead)) if centres is not None else ():
        example = np.flatnonzero(cluster == each)
        if len(example):
            side = few.take(cluster == each)
            rows.append(
                _row(_short(new.prompts[example[0]]), side, found.lead[each], found.deviation[each], found.own[each])
            )
    rows.append(_row("all", few, *found.overall, None))
    columns = ("prompts_like", "prompts", "won", "against_mean", "low", "high", "own")
    note = (
        "won: of the comparisons with known LLMs; against_mean: the chance of a better answer than an LLM that scores "
        "as the known ones do on average, with its 95 % interval; own: how much of a cluster's offset is its own, the "
        "rest is shrunk to the level of all."
    )
    decimals = dict.fromkeys(("won", "against_mean", "low", "high", "own"), 2)
    return Table("extension_clusters", f"{new.llm} by kinds of prompts", columns, rows, note=note, decimals=decimals)


def _row(name: str, side: FewPrompts, lead: float, deviation: float, own: float | None) -> tuple[Any, ...]:
    won = float((side.won * side.weight).sum() / side.weight.sum()) if side.weight.sum() > 0 else None
    told = _chances(lead, deviation)
    own = None if own is None else float(own)
    return (name, len(side.scores), won, told["chance"], told["low"], told["high"], own)


def _chances(lead: float, deviation: float) -> dict[str, float]:
    """The chance of a better answer than the mean of the known LLMs, with its 95 % interval."""
    low, middle, high = probability(np.array([lead - 1.96 * deviation, lead, lead + 1.96 * deviation])).tolist()
    return {"chance": middle, "low": low, "high": high}


def _short(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= EXAMPLE else line[: EXAMPLE - 3] + "..."
