"""Asking a stored model about held-out comparisons: once a prompt, for all LLMs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from runner.contract.quantities import counted
from runner.data.category_tags import prompt_tags
from runner.data.comparisons import A, Comparisons
from runner.errors import DataError, RunFailed, RunnerError
from runner.tasks.compared import Compared
from runner.tasks.ranking.llm_predictor import LlmPredictor, llm_predictor

#: What else is asked of a model while it is loaded.
Also = Callable[[Compared, "Asked", LlmPredictor], Any]
#: Prompts that the model is asked about before the clock runs, so that what loads late has loaded.
WARM_UP = 2


@dataclass(frozen=True)
class Asked:
    """What a model says about the held-out prompts."""

    #: float64 ``[len(models), len(prompts)]``
    table: np.ndarray
    #: The prompts, indices into the comparisons' own: int64, sorted.
    prompts: np.ndarray
    models: tuple[str, ...]
    #: Seconds for the whole table, every prompt read anew.
    seconds: float

    @property
    def per_thousand(self) -> float:
        """Milliseconds for a thousand (prompt, LLM) pairs, with this many LLMs a prompt."""
        return 1e6 * self.seconds / self.table.size

    @property
    def reads_prompts(self) -> bool:
        """Whether an LLM's score differs from prompt to prompt."""
        return differs_by_prompt(self.table)

    def of(self, rows: Comparisons, llm: np.ndarray) -> np.ndarray:
        """What it says of one side of each comparison, float64 ``[n]``; ``llm`` is int ``[n]``, as in ``rows``."""
        place = {name: at for at, name in enumerate(self.models)}
        line = np.array([place.get(name, -1) for name in rows.models])
        return self.table[line[llm], np.searchsorted(self.prompts, rows.prompt)]


def differs_by_prompt(table: np.ndarray) -> bool:
    """Whether an LLM's score, float64 ``[M, P]``, differs from prompt to prompt by more than rounding."""
    return bool((np.ptp(table, axis=1) > 1e-9 * np.abs(table).max(initial=1e-300)).any())


def ask(predictor: LlmPredictor, rows: Comparisons, models: tuple[str, ...], batch_size: int = 128) -> Asked:
    """Every prompt of the comparisons and every one of these LLMs, which the model knows.

    Raises :class:`RunFailed` where it has no finite number to give.
    """
    prompts = np.unique(rows.prompt)
    histories = [rows.histories[at] for at in prompts]
    tags = prompt_tags([rows])[prompts] if rows.tags else None
    texts = [rows.prompts[at] for at in prompts]
    early = None if tags is None else tags[:WARM_UP]
    predictor.score_llms(texts[:WARM_UP], models, batch_size, histories=histories[:WARM_UP], tags=early)
    started = time.perf_counter()
    table = np.asarray(predictor.score_llms(texts, models, batch_size, histories=histories, tags=tags), np.float64)
    seconds = time.perf_counter() - started
    if table.shape != (len(models), len(texts)) or not np.isfinite(table).all():
        lost = [name for name, line in zip(models, table, strict=False) if not np.isfinite(line).all()]
        raise RunFailed(f"its scores are not all numbers: {', '.join(lost[:5]) or f'an array of shape {table.shape}'}")
    return Asked(table, prompts, models, seconds)


def common(held_out: Comparisons, known: Sequence[Sequence[str]]) -> tuple[Comparisons, tuple[str, ...]]:
    """The comparisons whose two LLMs are known to every model, and those LLMs, sorted.

    ``known`` has each model's LLMs. Raises :class:`DataError` where no comparison is left.
    """
    everybody = set(held_out.models).intersection(*map(set, known))
    knows = np.array([name in everybody for name in held_out.models], bool)
    rows = held_out.take(knows[held_out.model_a] & knows[held_out.model_b])
    if not len(rows):
        raise DataError(
            f"none of the {len(held_out)} held-out comparisons is of two LLMs that all models know",
            hint="--min-model-rows N sets every model's filter alike; with --reuse nothing is trained twice",
        )
    return rows, tuple(sorted(everybody))


def ask_all(
    models: list[Compared], held_out: Comparisons, task: str, say: Callable[[str], None], also: Also | None = None
) -> tuple[list[Compared], list[Asked], list[Any], Comparisons, dict[str, Any]]:
    """Every model that can be asked, its answers, the comparisons that all of them know, and what those are.

    ``also`` is asked of each model while it is loaded, and given what it answered. A model that cannot be loaded, or
    has no finite number to give, fails; the others go on. Each is loaded twice, never two at once: which LLMs it knows
    decides what all are asked.
    """
    known: dict[str, tuple[str, ...]] = {}
    for entry in models:
        try:
            known[entry.label] = entry.ask(lambda loaded: tuple(llm_predictor(loaded).models))
        except RunnerError as error:
            entry.fail(error)
    able = [entry for entry in models if entry.label in known]
    rows, llms = common(held_out, [known[entry.label] for entry in able])
    on = f"{counted(len(rows), 'held-out comparisons')} of {counted(len(llms), 'LLMs')}"
    say(f"measuring {counted(len(able), 'models')} of {task} on {on}")

    def answers(entry: Compared, loaded: Any) -> tuple[Asked, Any]:
        predictor = llm_predictor(loaded)
        said = ask(predictor, rows, llms)
        return said, None if also is None else also(entry, said, predictor)

    entries, asked, more = [], [], []
    for entry in able:
        try:
            said, found = entry.ask(partial(answers, entry))
        except RunnerError as error:
            entry.fail(error)
            continue
        entries.append(entry)
        asked.append(said)
        more.append(found)
    return entries, asked, more, rows, held_out_facts(rows, llms, known, held_out)


def held_out_facts(
    rows: Comparisons, llms: Sequence[str], known: dict[str, tuple[str, ...]], all_rows: Comparisons
) -> dict[str, Any]:
    """What all models of a task are measured on, and what is left out because not all of them know it."""
    unknown = {
        name: [label for label, names in known.items() if name not in names]
        for name in all_rows.models
        if name not in llms
    }
    return {
        "comparisons": len(rows),
        "decided": int(rows.decided.sum()),
        "prompts": len(np.unique(rows.prompt)),
        "models": list(llms),
        "left_out": len(all_rows) - len(rows),
        "left_out_models": unknown,
    }


def correct(asked: Sequence[Asked], decided: Comparisons) -> np.ndarray:
    """Whether each model ranks the winner strictly first: float64 ``[n, models]``."""
    columns = []
    for answer in asked:
        lead = answer.of(decided, decided.model_a) - answer.of(decided, decided.model_b)
        columns.append(np.where(decided.winner == A, lead, -lead) > 0)
    return np.stack(columns, axis=1).astype(np.float64)
