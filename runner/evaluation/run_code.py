"""What the code of answers makes of the tests of their rows: it is run, a container a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from runner.contract import Measure
from runner.contract.foreign_code import CodeLimits, CodeRunner, Program, code_in, end_of, passed_share
from runner.tasks.generation.answer_metrics.figures import Figure
from runner.tasks.generation.answer_metrics.metric_sections import Code, label
from runner.tasks.generation.questions.question import Question
from runner.tasks.generation.scored.asked_model import Progress


class RunCode:
    """Answers' code and what runs it, ``batch_size`` answers in one container."""

    def __init__(self, code: CodeRunner, batch_size: int) -> None:
        self._code, self._batch_size = code, batch_size

    def figure(self, metric: Code, questions: Sequence[Question], answers: Sequence[str], progress: Progress) -> Figure:
        """What answers are worth by a metric, each with how its code ended.

        Raises :class:`EnvironmentProblem` where no container can be had.
        """
        programs = [
            Program(code_in(answer), question.tests[metric.tests])
            for question, answer in zip(questions, answers, strict=True)
        ]
        limits = CodeLimits(metric.timeout, metric.memory)
        found: list[list[str]] = []
        for begin in range(0, len(programs), self._batch_size):
            found += self._code.run(programs[begin : begin + self._batch_size], limits)
            progress(len(found), len(programs))
        shares = np.array([passed_share(ends) for ends in found])
        whole = metric.counts == "all"
        name = label(metric)
        shown = "Code that passes its tests" if whole else "Tests that code passes"
        values = (shares == 1).astype(np.float64) if whole else shares
        made = Figure.of_means(Measure(name, shown, name, 3, interval=True), values, proportion=whole)
        return replace(made, ends=[end_of(ends) for ends in found])
