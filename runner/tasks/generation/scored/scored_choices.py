"""Multiple choice: the choice that the model finds likeliest is its answer."""

from __future__ import annotations

import numpy as np

from runner.contract import Measure
from runner.tasks.generation.answer_metrics.figures import Figure
from runner.tasks.generation.evaluation_sections import EvaluationTask, MultipleChoice
from runner.tasks.generation.passages import Likelihood
from runner.tasks.generation.questions.question import Question
from runner.tasks.generation.scored.asked_model import AskedModel, Progress
from runner.tasks.generation.scored.foretold_answers import passages_of, prompt_facts
from runner.tasks.generation.scored.scored_task import ScoredTask

MEASURES = {
    "accuracy": Measure("accuracy", "Share of right choices", "accuracy", 3, interval=True),
    "accuracy_norm": Measure("accuracy_norm", "Share of right choices, by the byte", "by byte", 3, interval=True),
}


def score(task: EvaluationTask, questions: list[Question], model: AskedModel, progress: Progress) -> ScoredTask:
    """Ask for the likelihood of every choice. Of choices that are equally likely the first is taken."""
    assert isinstance(task.answer, MultipleChoice)
    asked = passages_of(task, questions, model)
    found = iter(model.likelihoods([passage for each in asked.given for passage in each], progress))
    said = [[next(found) for _ in each] for each in asked.given]
    chosen = {"accuracy": [_likeliest(each) for each in said]}
    chosen["accuracy_norm"] = [
        _likeliest(each, [len(choice.encode("utf-8", "surrogatepass")) for choice in question.answers])
        for each, question in zip(said, asked.questions, strict=True)
    ]
    right = np.array([question.correct for question in asked.questions])
    figures = [
        Figure.of_means(MEASURES[name], np.array(chosen[name]) == right, proportion=True)
        for name in task.answer.metrics
    ]
    records = [
        prompt_facts(task, question, passages[0].prompt, model)
        | {
            "choices": [
                {"text": text, "ids": passage.ids[passage.begin :]} | likelihood.as_dict()
                for text, passage, likelihood in zip(question.answers, passages, each, strict=True)
            ],
            "correct": question.correct,
        }
        | {f"chosen_by_{name}": chosen[name][at] for name in task.answer.metrics}
        for at, (question, passages, each) in enumerate(zip(asked.questions, asked.given, said, strict=True))
    ]
    return ScoredTask(asked.questions, figures, records, asked.dropped, [False] * len(records))


def _likeliest(choices: list[Likelihood], by: list[int] | None = None) -> int:
    """The place of the greatest log-probability, each over ``by`` (bytes) where it is given."""
    over = by or [1] * len(choices)
    return int(np.argmax([choice.log_prob / each for choice, each in zip(choices, over, strict=True)]))
