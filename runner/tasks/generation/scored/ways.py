"""The ways in which a task is answered, each with what scores it."""

from __future__ import annotations

from runner.tasks.generation.evaluation_sections import EvaluationTask, Generation
from runner.tasks.generation.questions.question import Question
from runner.tasks.generation.scored import scored_answers, scored_choices, scored_targets, scored_texts
from runner.tasks.generation.scored.asked_model import AskedModel, Judges, Progress
from runner.tasks.generation.scored.scored_task import ScoredTask

WAYS = {
    "multiple_choice": scored_choices.score,
    "log_likelihood": scored_targets.score,
    "perplexity": scored_texts.score,
}
#: What progress counts: what a model reads or writes, of which a question may have several.
COUNTED = {
    "generation": "answers",
    "multiple_choice": "choices",
    "log_likelihood": "answers",
    "perplexity": "windows",
}


def score(
    task: EvaluationTask,
    questions: list[Question],
    model: AskedModel,
    progress: Progress,
    judges: Judges | None = None,
) -> ScoredTask:
    """Ask a model a task's questions. ``judges`` are those that its metrics name; it names none without."""
    if isinstance(task.answer, Generation):
        return scored_answers.score(task, questions, model, progress, judges)
    return WAYS[task.answer.by](task, questions, model, progress)
