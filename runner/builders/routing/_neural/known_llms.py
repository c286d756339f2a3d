"""What a stored router has that knows LLMs by vectors of their answers, and may stand on a base model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from runner.builders.routing._llms.llm_embedding import LlmEmbedding
from runner.builders.routing._neural.residual import BaseModel
from runner.tasks.ranking.llm_predictor import LlmPredictor


class KnowsLlms(LlmPredictor):
    """The base of such predictors. A subclass is made of ``directory`` and ``device``, and has ``score_llms``."""

    embeds_llms: ClassVar[bool] = True
    has_average: ClassVar[bool] = True

    #: None where the router was trained to do without: it then knows no LLM by its answers.
    _llms: LlmEmbedding | None

    def __init__(self, directory: Path, device: str, llms: LlmEmbedding | None = None) -> None:
        self._llms = llms
        self._base = BaseModel.inside(directory, device)

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Self:
        """Read what the kind wrote. Raises :class:`IntegrityError` for anything else."""
        return cls(directory, device)

    @property
    def models(self) -> Sequence[str]:
        """The LLMs that it knows."""
        return () if self._llms is None else self._llms.names

    @property
    def reads_tags(self) -> bool:
        return self._base is not None and self._base.reads_tags

    def use_cache(self, cache: Path) -> None:
        """Take what a base model reads from the cache folder where it has it."""
        if self._base is not None:
            self._base.use_cache(cache)

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, by its (prompt, response) pairs, at least one. A known name is replaced."""
        if self._llms is not None:
            self._llms.add(name, prompts, responses)
        if self._base is not None:
            self._base.add_llm(name, prompts, responses)

    def add_average(self, name: str) -> None:
        """Know one more LLM, by the mean vector of the others."""
        if self._llms is not None:
            self._llms.add_average(name)
        if self._base is not None:
            self._base.add_average(name)
