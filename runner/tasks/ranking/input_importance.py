"""What each input is worth to a model that scores LLMs: how much worse it is where the input is shuffled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runner.contract import Measure, Table, TrainContext
from runner.data.category_tags import prompt_tags
from runner.data.comparisons import Comparisons
from runner.errors import Stopped
from runner.statistics.permutation_importance import by_size, rises, shuffled_losses, some_rows
from runner.tasks.ranking import TASK
from runner.tasks.ranking.llm_predictor import LlmPredictor
from runner.tasks.ranking.measuring import ranked_right
from runner.tasks.ranking.pair_inputs import PairInputs, Part
from runner.training.throttling import Every

#: Rows that are asked about, drawn at random where there are more.
MOST_ROWS = 1000
#: Beside a seed: those rows, and the orders that inputs are shuffled into.
SALT = 0x1A
#: What is said of the parts together, by what they say something of.
TOGETHER = {"prompt": "the whole prompt", "llm": "the whole LLM"}


@dataclass(frozen=True)
class Judged:
    """The held-out rows of a task, each of one or two pairs, and how they are judged."""

    comparisons: Comparisons
    #: Each row's prompt, int ``[n]``: rows of one prompt are drawn together.
    prompt: np.ndarray
    #: The LLMs of each row's pairs, int ``[sides, n]``.
    llms: np.ndarray
    #: ``losses(scores, rows)``: what scores float64 ``[sides, k]`` of some rows, int ``[k]``, cost: float ``[k]``, 1
    #: less what the measure is a mean of.
    losses: Callable[[np.ndarray, np.ndarray], np.ndarray]
    measure: Measure
    noun: str


def of_ranking(comparisons: Comparisons) -> Judged:
    """The decided comparisons, and whether they are ranked right."""
    decided = comparisons.take(comparisons.decided)

    def losses(scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return 1.0 - ranked_right(scores[0], scores[1], decided.take(rows))

    llms = np.stack([decided.model_a, decided.model_b])
    return Judged(decided, decided.prompt, llms, losses, TASK.headline, "decided comparisons")


def trained_importance(
    repeats: int, context: TrainContext, load: Callable[[Path, str], LlmPredictor], judged: Judged
) -> dict[str, Any]:
    """The table of :func:`input_importance` by its name, of the artifact that a training has just written.

    ``load`` opens it. Nothing where nothing is asked for or held out. Raises :class:`~runner.errors.Stopped` when the
    run is asked to stop.
    """
    if not repeats or not len(judged.prompt):
        return {}
    predictor = load(context.artifact, context.device)
    predictor.use_cache(context.cache)
    due = Every(0.25)

    def tell(done: int, total: int) -> None:
        if context.stop_requested():
            raise Stopped("stopped while the inputs were shuffled")
        if done in (0, total) or due.due():
            context.emit("progress", phase="importance", unit="inputs", done=done, total=total, metrics={})

    table = input_importance(predictor, judged, repeats, context.seed, tell)
    return {table.name: table.as_dict()} if table is not None else {}


def input_importance(
    predictor: LlmPredictor,
    judged: Judged,
    repeats: int,
    seed: int,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Table | None:
    """How much the headline measure falls where an input is shuffled among held-out rows, the greatest fall first.

    Both pairs of a row get what both pairs of another have. The fall is the mean of ``repeats`` shuffles, its interval
    over prompts redrawn with the shuffles as they are. None where the model knows the LLMs of no row.
    """
    generator = np.random.default_rng([seed, SALT])
    known = {name: at for at, name in enumerate(predictor.models)}
    knows = np.array([name in known for name in judged.comparisons.models], bool)
    rows = np.flatnonzero(knows[judged.llms].all(axis=0))
    if not len(rows):
        return None
    rows = rows[some_rows(len(rows), MOST_ROWS, generator)]
    inputs = _read(predictor, judged, rows)
    asked = _asked(inputs)
    sides = len(judged.llms)

    def losses(number: int | None, order: np.ndarray | None) -> np.ndarray:
        changed = inputs
        if number is not None and order is not None:
            chosen = asked[number].chosen
            if _constant(inputs, chosen):
                return as_they_are
            # The pairs are one side after the other.
            changed = inputs.shuffled(chosen, np.concatenate([order + side * len(rows) for side in range(sides)]))
        return judged.losses(np.asarray(predictor.score_pairs(changed), np.float64).reshape(sides, -1), rows)

    as_they_are = losses(None, None)
    columns = shuffled_losses(losses, len(asked), repeats, generator, tell=lambda done: tell(done, len(asked)))
    tell(len(asked), len(asked))
    found = rises(columns, judged.prompt[rows], seed)
    names = [each.name for each in asked]
    measure = judged.measure
    some = f"{len(rows):,} of the {len(judged.prompt):,}" if len(rows) < len(judged.prompt) else f"the {len(rows):,}"
    return Table(
        name="input_importance",
        title="What each input is worth",
        columns=("input", "fall", "low", "high", "what it is"),
        rows=[(names[at], *found[at], asked[at].what) for at in by_size(names, found)],
        plot="bars",
        note=f"How far the {measure.label.lower()} on {some} held-out {judged.noun}, "
        f"{1 - as_they_are.mean():.{measure.decimals or 3}f} as they are, falls when an input is shuffled among them: "
        f"the mean of {repeats} shuffles, with its 95 % interval over prompts. Inputs that say the same stand in for "
        "each other, so that each alone may seem worth nothing.",
        decimals=dict.fromkeys(("fall", "low", "high"), 4),
    )


def _read(predictor: LlmPredictor, judged: Judged, rows: np.ndarray) -> PairInputs:
    """What the predictor reads of the rows' pairs, one side after the other; each prompt is read once."""
    data, prompts = judged.comparisons, judged.prompt[rows]
    tags = prompt_tags([data])[prompts] if data.tags and predictor.reads_tags else None
    sides = len(judged.llms)
    inputs: PairInputs = predictor.read_pairs(
        [data.prompts[at] for at in prompts] * sides,
        [data.models[at] for at in judged.llms[:, rows].ravel()],
        histories=[data.histories[at] for at in prompts] * sides,
        tags=None if tags is None else np.tile(tags, (sides, 1)),
    )
    return inputs


@dataclass(frozen=True)
class _Asked:
    """Something to shuffle: parts by name, and which of their columns, None for all."""

    name: str
    what: str
    chosen: Mapping[str, Sequence[int] | None]


def _asked(inputs: PairInputs) -> list[_Asked]:
    """All of the prompt and all of the LLM, where they are several inputs, each input, its groups, its columns."""
    found = []
    for says_of, name in TOGETHER.items():
        own = [part for part in inputs.parts if part.says_of == says_of]
        if len(own) > 1:
            found.append(_Asked(name, "all of these inputs", {part.name: None for part in own}))
    for part in inputs.parts:
        found.append(_Asked(part.name, "input", {part.name: None}))
        found += _within(part)
    return found


def _within(part: Part) -> list[_Asked]:
    groups = list(dict.fromkeys(part.groups))
    by_group = {group: [at for at, own in enumerate(part.groups) if own == group] for group in groups}
    found = [
        _Asked(group, f"group of {part.name}", {part.name: columns})
        for group, columns in by_group.items()
        if 1 < len(columns) < len(part.columns)
    ]
    if len(part.columns) > 1:
        found += [_Asked(name, f"one of {part.name}", {part.name: [at]}) for at, name in enumerate(part.columns)]
    return found


def _constant(inputs: PairInputs, chosen: Mapping[str, Sequence[int] | None]) -> bool:
    """Whether the rows have the same there, so that shuffling changes nothing."""
    for name, columns in chosen.items():
        values = inputs[name] if columns is None else inputs[name][:, list(columns)]
        if not (values == values[:1]).all():
            return False
    return True
