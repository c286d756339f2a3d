"""A language model that tasks are asked of: a stored one, or one that is in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from runner.data.dialogues.infer_rows import AskedConversation
from runner.tasks.generation.answer_metrics import metric_sections as sections
from runner.tasks.generation.answer_metrics.figures import Figure
from runner.tasks.generation.evaluation_sections import EvaluationTask
from runner.tasks.generation.passages import Likelihood, Passage
from runner.tasks.generation.questions.question import Question

#: Told how many answers are there, of how many.
Progress = Callable[[int, int], None]


class AskedModel(Protocol):
    """What the ways of answering ask."""

    @property
    def reference(self) -> str:
        """Its name, for messages."""

    def chats(self, task: EvaluationTask) -> bool:
        """Whether a task is put to it as a chat."""

    def predictor(self, chat: bool) -> Any:
        """The predictor of chats, or of texts."""

    def template(self, chat: bool) -> Mapping[str, Any] | None:
        """What a sample's record says of the template; None of a text."""

    def likelihoods(self, passages: Sequence[Passage], progress: Progress) -> list[Likelihood]:
        """How likely each passage is."""

    def completions(
        self,
        rows: Sequence[AskedConversation],
        options: Any,
        chat: bool,
        progress: Progress,
        prompts: Sequence[list[int]] | None = None,
    ) -> list[dict[str, Any]]:
        """What the model says to each row: ``completion``, ``finish_reason``, ``completion_tokens``."""


class Judges(Protocol):
    """Stored models that judge answers."""

    def figure(
        self,
        metric: sections.Reward | sections.Preferred,
        questions: Sequence[Question],
        rows: Sequence[AskedConversation],
        answers: Sequence[str],
    ) -> Figure:
        """What the judge of a metric makes of the answers."""
