"""What every predictor has that gives a number for each LLM: of the tasks ``ranking`` and ``length``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from runner.data.category_tags import NO_TAGS
from runner.tasks.ranking.llm_options import LlmOptions


class LlmPredictor:
    """The base of such predictors. A subclass has ``load``, ``models`` and ``score_llms``."""

    #: Whether :meth:`add_llm` is there: it can score an LLM that it has never seen, from what that LLM answered.
    embeds_llms: ClassVar[bool] = False
    #: Whether :meth:`add_average` is there: it has a mean of the LLMs that it knows, to stand for one that it does not.
    has_average: ClassVar[bool] = False

    #: Whether :meth:`read_pairs` and :meth:`score_pairs` are there: its inputs can be told from what it makes of them.
    splits_inputs: ClassVar[bool] = False

    @property
    def models(self) -> Sequence[str]:
        """The LLMs that it knows, in a fixed order."""
        raise NotImplementedError

    @property
    def reads_tags(self) -> bool:
        """Whether scores depend on a prompt's category tags, so that prompts without them are told of."""
        return False

    def score_llms(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> Any:
        """Scores, float64 ``[len(models), len(prompts)]``; a row of NaN for a model it does not know.

        ``histories`` has each prompt's earlier turns, oldest first, and ``tags`` is float32 ``[len(prompts), 12]`` of
        category tags, NaN where unknown. Without them a prompt opens its conversation and nothing is known of it.
        """
        raise NotImplementedError

    def read_pairs(
        self,
        prompts: Sequence[str],
        llms: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> Any:
        """What it reads of pairs of a prompt and an LLM that it knows, both ``[n]``: a
        :class:`~runner.tasks.ranking.pair_inputs.PairInputs`. Each distinct prompt is read once."""
        raise NotImplementedError

    def score_pairs(self, inputs: Any) -> Any:
        """Scores of what :meth:`read_pairs` gave, or of the same changed: float64 ``[n]``, those of :meth:`score_llms`
        but for the last digits of a float."""
        raise NotImplementedError

    def predict(self, rows: Sequence[Any], options: LlmOptions, batch_size: int = 128) -> Any:
        """The same for rows to be answered: float64 ``[len(rows), LLMs]``, a column for each of the options' LLMs."""
        models = list(self.models if options.models_to_score is None else options.models_to_score)
        prompts, histories = [row.prompt for row in rows], [row.history for row in rows]
        return self.score_llms(prompts, models, batch_size, histories=histories, tags=row_tags(rows)).T

    def use_cache(self, cache: Path) -> None:
        """Take prompts' embeddings from the cache folder. One that embeds nothing has no use for it."""

    def prompt_vectors(self, prompts: Sequence[str], batch_size: int = 128) -> Any:
        """The prompts as its own encoder sees them, float32 ``[len(prompts), d]``; None where it has none."""
        return None

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, by its (prompt, response) pairs, at least one. A known name is replaced."""
        raise NotImplementedError

    def add_average(self, name: str) -> None:
        """Know one more LLM, by the mean of those that it knows. The name is a new one."""
        raise NotImplementedError


def row_tags(rows: Sequence[Any]) -> Any:
    """The rows' category tags, float32 ``[len(rows), 12]``, NaN where unknown; None where no row has any."""
    if not any(row.tags for row in rows):
        return None
    import numpy as np

    return np.array([row.tags or NO_TAGS for row in rows], np.float32)


class OlderPredictor(LlmPredictor):
    """A predictor from before tasks were objects: its ``predict`` takes prompts and LLMs, and perhaps nothing else."""

    def __init__(self, predictor: Any) -> None:
        import inspect

        self._predictor = predictor
        taken = inspect.signature(predictor.predict).parameters
        anything = any(word.kind is word.VAR_KEYWORD for word in taken.values())
        self._takes = {name for name in ("histories", "tags") if anything or name in taken}
        self.embeds_llms = hasattr(predictor, "add_llm")  # type: ignore[misc]

    @property
    def models(self) -> Sequence[str]:
        return list(self._predictor.models)

    @property
    def reads_tags(self) -> bool:
        return bool(getattr(self._predictor, "reads_tags", False))

    def score_llms(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> Any:
        given = {"histories": histories, "tags": tags}
        more = {name: value for name, value in given.items() if name in self._takes and value is not None}
        return self._predictor.predict(prompts, models, batch_size, **more)

    def use_cache(self, cache: Path) -> None:
        if hasattr(self._predictor, "use_cache"):
            self._predictor.use_cache(cache)

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        self._predictor.add_llm(name, prompts, responses)


def llm_predictor(predictor: Any) -> LlmPredictor:
    """The predictor itself, or an older one in the present shape."""
    return predictor if isinstance(predictor, LlmPredictor) else OlderPredictor(predictor)


def has_average(kind: type[Any]) -> bool:
    """Whether predictors of this class have a mean LLM, to stand for one that they do not know."""
    return issubclass(kind, LlmPredictor) and kind.has_average


def embeds_llms(kind: type[Any]) -> bool:
    """Whether predictors of this class can score an LLM unseen in training, by its answers."""
    return kind.embeds_llms if issubclass(kind, LlmPredictor) else hasattr(kind, "add_llm")
