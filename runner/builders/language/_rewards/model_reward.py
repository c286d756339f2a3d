"""What a reward model makes of an answer: a stored one, or one of a folder or the Hub that gives one score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runner.builders.language._answering.scorer import Scorer
from runner.builders.language._models.opening import open_folder
from runner.builders.language._rewards.judged_answer import JudgedAnswer
from runner.chat.messages import Conversation
from runner.chat.renderer import ChatRenderer
from runner.contract import TrainContext
from runner.data.dialogues.infer_rows import AskedConversation
from runner.errors import RunnerError
from runner.tasks.reward import TASK
from runner.training import pretrained


class ScoredByModel:
    """Its score, which is on no scale of its own."""

    def __init__(self, section: Any, place: str, context: TrainContext) -> None:
        """``place`` is the pointer of the reward's section. Raises by it what opening the model does."""
        stored = context.stored.get(f"{place}/model_name".removeprefix("/model/spec/"))
        self._scorer = (
            Scorer.load(stored, context.device, context.cache)
            if stored is not None
            else _of_folder(section, f"{place}/model_name", context)
        )
        self._options = TASK.options()

    def values(self, answers: Sequence[JudgedAnswer]) -> list[float]:
        rows = [AskedConversation(_before(answer), answer=(answer.message,)) for answer in answers]
        return self._scorer.predict(rows, self._options, len(rows))


class PreferredByModel(ScoredByModel):
    """How often its score is above those of the others of a group; as good counts half."""

    def values(self, answers: Sequence[JudgedAnswer]) -> list[float | None]:  # type: ignore[override]
        """None for an answer that is alone."""
        scores = super().values(answers)
        return [
            sum(_won(one, other) for there, other in enumerate(scores) if there != at) / (len(scores) - 1)
            if len(scores) > 1
            else None
            for at, one in enumerate(scores)
        ]

    def against(self, answers: Sequence[JudgedAnswer], others: Sequence[JudgedAnswer]) -> list[float]:
        """Of each of some answers, and another to the same prompt."""
        return list(map(_won, super().values(answers), super().values(others)))


def _won(one: float, other: float) -> float:
    return 0.5 if one == other else float(one > other)


def _before(answer: JudgedAnswer) -> Conversation:
    """All that stands before its last turn."""
    prompt = answer.row.prompt
    return prompt.with_messages((*prompt.messages, *answer.turns[:-1]))


def _of_folder(section: Any, where: str, context: TrainContext) -> Scorer:
    try:
        folder = pretrained.resolve(section.model_name, section.revision, context.cache)
    except RunnerError as error:
        error.where = where if not error.where else f"{where}: {error.where}"
        raise
    model, tokenizer = open_folder(folder, context.device, "score", where)
    longest = int(getattr(model.config, "max_position_embeddings", None) or 1_000_000)
    return Scorer(model, tokenizer, ChatRenderer.of(tokenizer), longest)
