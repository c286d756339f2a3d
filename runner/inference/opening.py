"""A stored model, opened and checked once, that scores LLMs on prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from runner import registry
from runner.data.prompt_rows import Row
from runner.data.prompts import Prompts, need_text
from runner.errors import EnvironmentProblem, NotFoundError, RunFailed, UsageError
from runner.store.names import parse_reference
from runner.store.stored_models import StoredModel, open_verified
from runner.tasks.ranking.llm_predictor import LlmPredictor, embeds_llms, llm_predictor, row_tags
from runner.tasks.ranking.responses import FLAG, Responses
from runner.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

Unknown = Literal["zero", "null", "error"]
#: The one word that stands for every LLM that the model knows.
ALL = "all"


def check_names(models: Sequence[str] | None) -> None:
    """Raise :class:`UsageError` for what cannot be LLMs' names; None means all that the model knows."""
    if models is None:
        return
    if not models:
        raise UsageError("no models to score", where="--models-to-score", hint="name at least one LLM, or all")
    if "" in models:
        raise UsageError("an LLM's name is empty", where="--models-to-score", hint="leave it out")
    need_text("--models-to-score", models)


@dataclass
class Scorer:
    """A loaded predictor and the LLMs that it is asked about."""

    stored: StoredModel
    manifest: dict[str, Any]
    predictor: LlmPredictor
    #: What is scored, in order; those of it that the model does not know; where it computes.
    names: list[str]
    strangers: list[str]
    device: str
    warnings: list[str]
    unknown: Unknown

    @classmethod
    def open(
        cls,
        workspace: Workspace,
        reference: str,
        models: Sequence[str] | None,
        responses: Sequence[Responses] = (),
        *,
        unknown: Unknown = "zero",
        device: str = "cpu",
    ) -> Scorer:
        """Check every byte of the stored model and load it.

        Raises :class:`NotFoundError` for a stored model or type that is not there, and, with ``unknown="error"``, for
        an LLM that it does not know; :class:`UsageError` for answers that its type cannot learn from.
        """
        wanted = parse_reference(reference)
        if wanted.model_type is not None and not (workspace.store / wanted.model_type).is_dir():
            registry.load(wanted.model_type)  # that the type does not exist is a better message than a missing model
        stored, manifest = open_verified(workspace.store, wanted)
        registry.require(stored.model_type)
        builder = registry.load(stored.model_type)
        if responses and not embeds_llms(builder.Predictor):
            able = [kind for kind in registry.kinds() if embeds_llms(registry.load(kind).Predictor)]
            raise UsageError(
                f"{stored.model_type} cannot score an LLM by its answers",
                where=FLAG,
                hint=f"types that can: {', '.join(able) or 'none that is installed'}",
            )
        warnings = []
        if device == "cuda" and not _cuda_is_here(builder.REQUIRES):
            warnings.append(f"{stored.model_type} computes on the CPU")
            device = "cpu"
        predictor = llm_predictor(builder.Predictor.load(stored.path, device=device))
        predictor.use_cache(workspace.cache)
        for one in responses:
            if one.name in set(predictor.models):
                warnings.append(f"{stored.reference} knows {one.name!r} already: here it is what it answered in {FLAG}")
            predictor.add_llm(one.name, one.prompts, one.responses)
        known = list(predictor.models)
        if models is None or (list(models) == [ALL] and ALL not in known):
            models = known
        if ALL in models and ALL not in known:
            raise UsageError(f"{ALL!r} stands alone", where="--models-to-score", hint="leave the other names out")
        names = list(dict.fromkeys([*models, *(one.name for one in responses)]))
        strangers = [name for name in names if name not in set(known)]
        if strangers and unknown == "error":
            raise NotFoundError(
                f"{stored.reference} does not know {', '.join(map(repr, strangers))}",
                where="--models-to-score",
                hint=_nearest(strangers[0], known),
            )
        if strangers:
            zero = "predicted 0 tokens, which is no answer's length"
            if builder.TASK.name != "length":
                zero = "scored 0, which is not an average"
            meaning = zero if unknown == "zero" else "scored null"
            warnings.append(f"unseen in training, {meaning}: {', '.join(strangers)}")
        return cls(stored, manifest, predictor, names, strangers, device, warnings, unknown)

    @property
    def fill(self) -> float | None:
        """What stands for the score of an LLM that the model does not know."""
        return 0.0 if self.unknown == "zero" else None

    def untagged(self, prompts: Prompts) -> list[str]:
        """What is to be said of checked prompts whose category tags the model would read; nothing in most cases."""
        if not (self.predictor.reads_tags and prompts.untagged):
            return []
        return [
            f"{self.stored.reference} reads category tags, and {prompts.untagged:,} of {prompts.count:,} prompts in "
            f'{prompts.name} have none: a row\'s "category_tags" give them, as in the training data'
        ]

    def score(self, rows: Sequence[Row], batch_size: int) -> np.ndarray:
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
                where=self.stored.reference,
                hint="its weights are no good: train it again",
            )
        return scores.astype(np.float64, copy=False)


def _cuda_is_here(requires: Sequence[str]) -> bool:
    """False for a kind that computes without torch. Raises :class:`EnvironmentProblem` where CUDA finds no GPU."""
    if "torch" not in requires:
        return False
    import torch

    if not torch.cuda.is_available():
        raise EnvironmentProblem(
            "CUDA finds no GPU here", where="--device", hint="--device cpu, or `runner doctor` for what is missing"
        )
    return True


def _nearest(name: str, known: Sequence[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"it knows {len(known)} models: " + ", ".join(list(known)[:8])
