"""How likely a model finds answers that are given, and whether it would have given them."""

from __future__ import annotations

import numpy as np

from runner.contract import Measure
from runner.tasks.generation.answer_metrics.figures import Figure, bits, exponential
from runner.tasks.generation.evaluation_sections import EvaluationTask, LogLikelihood
from runner.tasks.generation.questions.question import Question
from runner.tasks.generation.scored.asked_model import AskedModel, Progress
from runner.tasks.generation.scored.foretold_answers import passages_of, prompt_facts
from runner.tasks.generation.scored.scored_task import ScoredTask

GREEDY = Measure("greedy_match", "Share of answers that are the likeliest, token by token", "greedy", 3, interval=True)
LOG = Measure("log_likelihood", "Mean log-likelihood of an answer, nats", "log lik.", 3, interval=True)
PERPLEXITY = Measure("perplexity", "Perplexity of the answers' tokens", "perplexity", 3, "lower", interval=True)
BITS = Measure("bits_per_byte", "Bits a byte of the answers", "bits/byte", 4, "lower", interval=True)


def score(task: EvaluationTask, questions: list[Question], model: AskedModel, progress: Progress) -> ScoredTask:
    """Ask for the likelihood of every row's answer."""
    assert isinstance(task.answer, LogLikelihood)
    asked = passages_of(task, questions, model)
    found = model.likelihoods([passage for (passage,) in asked.given], progress)
    logs = np.array([each.log_prob for each in found])
    tokens = np.array([each.tokens for each in found], np.float64)
    size = np.array([len(question.answer.encode("utf-8", "surrogatepass")) for question in asked.questions], float)
    made = {
        "greedy_match": Figure.of_means(GREEDY, np.array([each.likeliest for each in found]), proportion=True),
        "log_likelihood": Figure.of_means(LOG, logs),
        "perplexity": Figure(PERPLEXITY, np.stack([-logs, tokens], axis=1), exponential),
        "bits_per_byte": Figure(BITS, np.stack([-logs, size], axis=1), bits),
    }
    records = [
        prompt_facts(task, question, passage.prompt, model)
        | {"target": question.answer, "target_ids": passage.ids[passage.begin :]}
        | likelihood.as_dict()
        for question, (passage,), likelihood in zip(asked.questions, asked.given, found, strict=True)
    ]
    figures = [made[name] for name in task.answer.metrics]
    return ScoredTask(asked.questions, figures, records, asked.dropped, [False] * len(records))
