"""Perplexity: how well a model foretells whole texts, over all tokens or bytes of the set together."""

from __future__ import annotations

import numpy as np

from runner.contract import Measure
from runner.tasks.generation.answer_metrics.figures import Figure, bits, exponential
from runner.tasks.generation.evaluation_sections import EvaluationTask, Perplexity
from runner.tasks.generation.questions.question import Question
from runner.tasks.generation.scored.asked_model import AskedModel, Progress
from runner.tasks.generation.scored.scored_task import Asked, ScoredTask

TOKEN = Measure("token_perplexity", "Perplexity of a token", "by token", 3, "lower", interval=True)
BYTE = Measure("byte_perplexity", "Perplexity of a byte", "by byte", 4, "lower", interval=True)
BITS = Measure("bits_per_byte", "Bits a byte", "bits/byte", 4, "lower", interval=True)


def score(task: EvaluationTask, questions: list[Question], model: AskedModel, progress: Progress) -> ScoredTask:
    """Ask for the likelihood of every text, a text longer than the model reads in several windows."""
    assert isinstance(task.answer, Perplexity)
    asked, predictor = Asked(), model.predictor(False)
    for question in questions:
        if windows := predictor.windows(question.prompt):
            asked.take(question, windows)
        else:
            asked.drop(question, "no_token_to_foretell")
    asked.check(task, model)
    found = iter(model.likelihoods([passage for each in asked.given for passage in each], progress))
    said = [[next(found) for _ in each] for each in asked.given]
    nats = np.array([-sum(part.log_prob for part in each) for each in said])
    tokens = np.array([sum(part.tokens for part in each) for each in said], np.float64)
    size = np.array([len(question.prompt.encode("utf-8", "surrogatepass")) for question in asked.questions], float)
    by_token, by_byte = np.stack([nats, tokens], axis=1), np.stack([nats, size], axis=1)
    made = {
        "token_perplexity": Figure(TOKEN, by_token, exponential),
        "byte_perplexity": Figure(BYTE, by_byte, exponential),
        "bits_per_byte": Figure(BITS, by_byte, bits),
    }
    records = [
        question.facts()
        | {"prompt": question.prompt, "prompt_ids": [token for each in windows for token in each.ids[each.begin :]]}
        | {"windows": len(windows), "log_prob": round(-nats[at], 5), "tokens": int(tokens[at]), "bytes": int(size[at])}
        for at, (question, windows) in enumerate(zip(asked.questions, asked.given, strict=True))
    ]
    figures = [made[name] for name in task.answer.metrics]
    return ScoredTask(asked.questions, figures, records, asked.dropped, [False] * len(records))
