"""Answers as stored models judge them: a reward model scores each, a language model prefers one of two.

Beside that, their code is run in containers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.chat.messages import Message
from runner.contract import Measure
from runner.data.dialogues.infer_rows import AskedConversation
from runner.errors import ConflictError, DataError, NotFoundError, UsageError
from runner.evaluation.evaluated_model import EvaluatedModel, speaks
from runner.evaluation.run_code import RunCode
from runner.evaluation.stored_verdicts import by_likelihood, by_words
from runner.execution.code_sandbox import CodeContainers
from runner.inference.opening import Opened, open_model
from runner.tasks.generation.answer_metrics import metric_sections as sections
from runner.tasks.generation.answer_metrics.figures import Figure
from runner.tasks.generation.questions.question import Question
from runner.tasks.generation.scored.asked_model import Progress
from runner.tasks.reward import TASK as REWARD
from runner.workspace import Workspace


def _silent(done: int, total: int) -> None:
    """Nobody is told."""


class Bench:
    """The judges of an evaluation, each opened once: one that is evaluated as well is the same model."""

    def __init__(
        self,
        workspace: Workspace,
        device: str,
        batch_size: int,
        *,
        fresh: bool = False,
        evaluated: Sequence[EvaluatedModel] = (),
    ) -> None:
        self._workspace, self._device, self._batch_size, self._fresh = workspace, device, batch_size, fresh
        self._opened = {model.reference: model.opened for model in evaluated}
        self._judges: dict[str, EvaluatedModel] = {}
        self._rewards: dict[str, EvaluatedModel] = {}
        self._code: RunCode | None = None

    def open(self, metric: sections.Judged, where: str) -> None:
        """Open the judge of a metric, which the task's field ``where`` names.

        Raises :class:`ConflictError` for a model that does not judge so, what opening a model raises, and
        :class:`EnvironmentProblem` where code cannot be run.
        """
        if isinstance(metric, sections.Code):
            self._code = self._code or RunCode(CodeContainers.opened(where), self._batch_size)
            return
        try:
            self._open(metric, where)
        except (ConflictError, NotFoundError, UsageError) as error:
            error.where = where
            raise
        except DataError as error:
            error.where = f"{where}: {error.where}" if error.where else where
            raise

    def _open(self, metric: sections.Reward | sections.Preferred, where: str) -> None:
        if isinstance(metric, sections.Reward):
            if metric.model in self._rewards:
                return
            opened = self._once(metric.model)
            if opened.task is not REWARD:
                raise ConflictError(
                    f"{opened.reference} is a model of {opened.task.name}, and gives no rewards",
                    where=where,
                    hint='a model of type reward does; "preferred" has a language model judge',
                )
            model = EvaluatedModel(opened, self._workspace.cache / "evaluations", self._batch_size, fresh=self._fresh)
            self._rewards[metric.model] = model
            return
        if metric.model not in self._judges:
            opened = self._once(metric.model)
            if not speaks(opened):
                raise ConflictError(
                    f"{opened.reference} is a model of {opened.task.name}, and a judge is a language model",
                    where=where,
                    hint="name a model that was trained on conversations (sft)",
                )
            kept = self._workspace.cache / "evaluations"
            self._judges[metric.model] = EvaluatedModel(opened, kept, self._batch_size, fresh=self._fresh)
        judge = self._judges[metric.model]
        # It is opened here: one that cannot be is told before anything is asked.
        converses = judge.converses
        if metric.verdict == "words" and not converses:
            raise ConflictError(
                f"{judge.reference} has no template for a conversation, and judges in words are asked in one",
                where=where,
                hint='leave "verdict": "words" out, or name a model that was trained on conversations (sft)',
            )

    def _once(self, name: str) -> Opened:
        """A stored model, the one that is open already where it is the same."""
        opened = open_model(self._workspace, name, device=self._device, or_base=True)
        return self._opened.setdefault(opened.reference, opened)

    @property
    def judges(self) -> list[EvaluatedModel]:
        """Those that were opened."""
        return [*self._judges.values(), *self._rewards.values()]

    @property
    def references(self) -> list[str]:
        """The judges with their versions."""
        return [judge.reference for judge in self.judges]

    def figure(
        self,
        metric: sections.Judged,
        questions: Sequence[Question],
        rows: Sequence[AskedConversation],
        answers: Sequence[str],
        progress: Progress = _silent,
    ) -> Figure:
        """What the judge of a metric makes of the answers. Rows that it says nothing of are not in the figure."""
        if isinstance(metric, sections.Code):
            assert self._code is not None
            return self._code.figure(metric, questions, answers, progress)
        if isinstance(metric, sections.Reward):
            values = self._rewarded(metric, rows, answers, progress)
            measure = Measure(sections.label(metric), "Mean reward", sections.label(metric), 3, interval=True)
        else:
            values = self._preferred(metric, questions, answers, progress)
            measure = Measure(
                sections.label(metric), "Preferred to the reference", sections.label(metric), 3, interval=True
            )
        there = np.array([value is not None for value in values])
        numbers = np.array([0.0 if value is None else value for value in values])
        parts = np.stack([numbers * there, there.astype(np.float64)], axis=1)
        return Figure(measure, parts, unread=~there)

    def _rewarded(
        self, metric: sections.Reward, rows: Sequence[AskedConversation], answers: Sequence[str], progress: Progress
    ) -> list[float | None]:
        judge = self._rewards[metric.model]
        kept = judge.kept
        judged = [
            AskedConversation(row.conversation, answer=(Message("assistant", answer),))
            for row, answer in zip(rows, answers, strict=True)
        ]
        keys = [kept.key(reward=(row.key() or b"").hex()) for row in judged]
        new = [at for at, key in enumerate(keys) if kept.get(key) is None]
        for begin in range(0, len(new), self._batch_size):
            batch = new[begin : begin + self._batch_size]
            scores = _scores(judge.opened.predictor, [judged[at] for at in batch])
            kept.put({keys[at]: [score] for at, score in zip(batch, scores, strict=True)})
            progress(len(keys) - len(new) + begin + len(batch), len(keys))
        return [kept.get(key)[0] for key in keys]

    def _preferred(
        self, metric: sections.Preferred, questions: Sequence[Question], answers: Sequence[str], progress: Progress
    ) -> list[float | None]:
        pairs = [
            (question.prompt, answer, question.answer) for question, answer in zip(questions, answers, strict=True)
        ]
        judge = self._judges[metric.model]
        if metric.verdict == "likelihood":
            return by_likelihood(judge, pairs, progress)
        return by_words(judge, pairs, metric.max_new_tokens or sections.JUDGEMENT, progress)


def _scores(predictor: Any, rows: list[AskedConversation]) -> list[float | None]:
    """The reward of each row; None for one that the judge cannot read: it is too long, or its template refuses it."""
    found: list[float | None] = [None] * len(rows)
    readable = [at for at, row in enumerate(rows) if _readable(predictor, row)]
    scores = predictor.predict([rows[at] for at in readable], None, len(readable)) if readable else ()
    for at, score in zip(readable, scores, strict=True):
        found[at] = round(score, 6) + 0.0
    return found


def _readable(predictor: Any, row: AskedConversation) -> bool:
    try:
        predictor.checked_ids(row)
    except DataError:
        return False
    return True
