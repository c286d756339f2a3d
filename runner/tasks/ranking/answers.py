"""Scores of LLMs on prompts: what a stored model of rankings or of lengths answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from runner import near_names
from runner.data.prompt_rows import Row
from runner.data.prompts import Prompts
from runner.errors import NotFoundError, RunFailed, UsageError
from runner.tasks.answers import Answers, Form, OpenedModel, OutputFormat
from runner.tasks.ranking.llm_options import ALL, LlmOptions
from runner.tasks.ranking.llm_predictor import LlmPredictor, embeds_llms, has_average, llm_predictor, row_tags
from runner.tasks.ranking.responses import FLAG, Responses, read

if TYPE_CHECKING:
    import numpy as np

#: What a score of zero is, which an LLM unseen in training gets.
ZERO = "scored 0, which is not an average"


def open_answers(
    opened: OpenedModel, options: LlmOptions, say: Callable[[str], None] = lambda text: None
) -> LlmAnswers:
    """See :class:`LlmAnswers`."""
    return LlmAnswers(opened, options, zero=ZERO)


class LlmAnswers(Answers):
    """A loaded predictor and the LLMs that it is asked about.

    Raises :class:`NotFoundError`, with ``unknown: error``, for an LLM that the model does not know;
    :class:`UsageError` for answers that its type cannot learn from. Who does not ``remember`` keeps nothing of the
    prompts on disk.
    """

    def __init__(self, opened: OpenedModel, options: LlmOptions, *, zero: str, remember: bool = True) -> None:
        super().__init__()
        self.opened, self.options = opened, options
        self.responses = read(options.responses_of)
        _need_embedding(opened, self.responses)
        self.predictor: LlmPredictor = llm_predictor(opened.predictor)
        if remember:
            self.predictor.use_cache(opened.cache)
        for one in self.responses:
            if one.name in set(self.predictor.models):
                self.warnings.append(
                    f"{opened.reference} knows {one.name!r} already: here it is what it answered in {FLAG}"
                )
            self.predictor.add_llm(one.name, one.prompts, one.responses)
        known = list(self.predictor.models)
        wanted = options.models_to_score
        if wanted is None or (wanted == [ALL] and ALL not in known):
            wanted = known
        if ALL in wanted and ALL not in known:
            raise UsageError(f"{ALL!r} stands alone", where="--models-to-score", hint="leave the other names out")
        self.names = list(dict.fromkeys([*wanted, *(one.name for one in self.responses)]))
        #: Those of them that the model does not know.
        self.strangers = [name for name in self.names if name not in set(known)]
        self.width = len(self.names)
        if self.strangers and options.unknown == "error":
            raise NotFoundError(
                f"{opened.reference} does not know {', '.join(map(repr, self.strangers))}",
                where="--models-to-score",
                hint=_nearest(self.strangers[0], known),
            )
        if self.strangers and options.unknown == "mean":
            _need_average(opened)
            for name in self.strangers:
                self.predictor.add_average(name)
        if self.strangers:
            meanings = {"zero": zero, "mean": "taken for the mean of the LLMs that it knows"}
            meaning = meanings.get(options.unknown, "scored null")
            self.warnings.append(f"unseen in training, {meaning}: {', '.join(self.strangers)}")

    @property
    def fill(self) -> float | None:
        """What stands for the score of an LLM that the model does not know."""
        return 0.0 if self.options.unknown == "zero" else None

    def facts(self) -> dict[str, Any]:
        return {
            "models to score": self.names,
            "responses": {one.name: one.facts() for one in self.responses},
            "rule for unknown LLMs": self.options.unknown,
        }

    def provenance(self) -> dict[str, Any]:
        return {
            "known_models": [name for name in self.names if name not in self.strangers],
            "unknown_models": self.strangers,
            "responses": {one.name: one.facts() for one in self.responses},
            "unknown": self.options.unknown,
        }

    def warnings_of(self, rows: Prompts) -> list[str]:
        """Of prompts whose category tags the model would read."""
        if not (self.predictor.reads_tags and rows.untagged):
            return []
        return [
            f"{self.opened.reference} reads category tags, and {rows.untagged:,} of {rows.count:,} prompts in "
            f'{rows.name} have none: a row\'s "category_tags" give them, as in the training data'
        ]

    def answer(self, rows: Sequence[Row], batch_size: int) -> np.ndarray:
        """float64 ``[len(names), len(rows)]``; a row of NaN for an LLM that it does not know.

        Raises :class:`RunFailed` where the score of one that it knows is no number.
        """
        import numpy as np

        prompts, histories = [row.prompt for row in rows], [row.history for row in rows]
        tags = row_tags(rows)
        scores = np.asarray(self.predictor.score_llms(prompts, self.names, batch_size, histories=histories, tags=tags))
        known = [at for at, name in enumerate(self.names) if name not in set(self.strangers)]
        bad = np.argwhere(~np.isfinite(scores[known]))
        if len(bad):
            name, prompt = self.names[known[bad[0][0]]], rows[bad[0][1]].prompt
            raise RunFailed(
                f"the score of {name!r} is {scores[known][tuple(bad[0])]} for the prompt {prompt[:60]!r}",
                where=self.opened.reference,
                hint="its weights are no good: train it again",
            )
        return scores.astype(np.float64, copy=False)

    def form(self, form: OutputFormat) -> Form:
        from runner.tasks.ranking.score_output import FORMS

        return FORMS[form](self.names, self.fill)


def _need_embedding(opened: OpenedModel, responses: Sequence[Responses]) -> None:
    """Raise :class:`UsageError` where an LLM is to be scored by its answers, and the type cannot do that."""
    if responses and not embeds_llms(opened.predictor_class):
        raise UsageError(
            f"{opened.model_type} cannot score an LLM by its answers",
            where=FLAG,
            hint=f"types that can: {', '.join(opened.kinds_whose(embeds_llms)) or 'none that is installed'}",
        )


def _need_average(opened: OpenedModel) -> None:
    """Raise :class:`UsageError` where an LLM that is not known is to be the mean of others, and there is no such."""
    if not has_average(opened.predictor_class):
        raise UsageError(
            f"{opened.model_type} has no mean LLM that could stand for one unseen in training",
            where="--unknown mean",
            hint=f"types that have one: {', '.join(opened.kinds_whose(has_average)) or 'none that is installed'}",
        )


def _nearest(name: str, known: Sequence[str]) -> str:
    models = f"it knows {len(known)} models: {', '.join(list(known)[:8])}" + (", ..." if len(known) > 8 else "")
    return near_names.hint(name, known, models)
