"""Whether a batch changes an answer: some samples answered again, each alone, beside what the batches made of them."""

from __future__ import annotations

from typing import Any

from runner.data.dialogues.infer_rows import AskedConversation
from runner.evaluation.evaluated_model import EvaluatedModel
from runner.tasks.generation.evaluation_sections import Generation, Perplexity
from runner.tasks.generation.passages import Passage
from runner.tasks.generation.questions.question_rows import AskedTask
from runner.tasks.generation.scored.foretold_answers import passages_of
from runner.tasks.generation.scored.scored_task import ScoredTask


def checked(task: AskedTask, scored: ScoredTask, model: EvaluatedModel, count: int) -> dict[str, Any]:
    """The first ``count`` samples, each alone: the largest difference of log-probabilities, or texts that differ."""
    own, questions = task.loaded.task, list(scored.questions)[:count]
    chat = model.chats(own)
    predictor = model.predictor(chat)
    if isinstance(own.answer, Generation):
        rows = [AskedConversation(question.conversation(own, chat)) for question in questions]
        alone = [predictor.predict([row], own.answer.options, 1)[0][0].text for row in rows]
        before = [record["completion"] for record in scored.records]
        differing = sum(one != other for one, other in zip(alone, before, strict=False))
        return {"samples": len(questions), "different_texts": differing}
    if isinstance(own.answer, Perplexity):
        passages = [passage for question in questions for passage in predictor.windows(question.prompt)]
    else:
        passages = [passage for each in passages_of(own, questions, model).given for passage in each]
    together = model.likelihoods(passages, lambda done, total: None)
    gaps = [abs(_alone(model, passage) - known.log_prob) for passage, known in zip(passages, together, strict=True)]
    return {"samples": len(questions), "largest_difference": round(max(gaps), 6)}


def _alone(model: EvaluatedModel, passage: Passage) -> float:
    ((_, found),) = next(iter(model.opened.predictor.likelihoods([passage], 1)))
    return float(found.log_prob)
