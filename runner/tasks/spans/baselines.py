"""What a model that finds answers in texts has to beat: answers that need no learning."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runner.tasks._supervised.measured_baselines import Baselines, Measured
from runner.tasks.spans import TASK
from runner.tasks.spans.measuring import score
from runner.tasks.spans.squad_scores import normal

_SENTENCE = re.compile(r"[^.!?]+[.!?]*")
_NAME = r"(?:[A-Z]\w+|\d(?:[\d.,]*\d)?)"
_NAMED = re.compile(rf"{_NAME}(?: {_NAME})*")


def no_answer(question: str, context: str) -> str:
    """None, whatever is asked."""
    return ""


def nearest_sentence(question: str, context: str) -> str:
    """The sentence that has the most of the question's words, the first among equals."""
    asked = set(normal(question).split())
    sentences = [found.group().strip() for found in _SENTENCE.finditer(context)]
    return max(sentences, key=lambda each: len(asked & set(normal(each).split())), default=context)


def name_in_sentence(question: str, context: str) -> str:
    """The first name or number of that sentence that the question does not have; without one, the sentence."""
    sentence, asked = nearest_sentence(question, context), set(normal(question).split())
    named = [found.group() for found in _NAMED.finditer(sentence)]
    return next((each for each in named if normal(each) and not asked & set(normal(each).split())), sentence)


BASELINES: Mapping[str, Callable[[str, str], str]] = {
    "no answer": no_answer,
    "sentence with most of the question's words": nearest_sentence,
    "name or number in that sentence": name_in_sentence,
}


def baselines(rows: Sequence[Any], *, seed: int) -> Baselines:
    """Each measured on the held-out questions. No answer is one where some have none."""
    some_without = any(not row.answers for row in rows)
    measured: dict[str, Measured] = {}
    for name, answer in BASELINES.items():
        if answer is not no_answer or some_without:
            metrics, _, redrawn = score(rows, [answer(row.question, row.context) for row in rows], seed)
            measured[name] = metrics, redrawn
    return Baselines(TASK, measured, share=True)
