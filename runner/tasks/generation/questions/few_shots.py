"""The rows that are shown before a question: drawn for each question anew, never the question itself."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

from runner.errors import DataError
from runner.tasks.generation.evaluation_sections import FewShot
from runner.tasks.generation.questions.question import Question, Shot


class Drawing:
    """Draws from the different rows of a pool.

    What is shown to a question hangs on the seed, the question and the pool's rows, and on nothing else: not on their
    order, and not on which other questions are asked.
    """

    def __init__(self, pool: Sequence[Question], settings: FewShot, where: str) -> None:
        by_prompt = {question.prompt: question for question in reversed(pool)}
        self._pool = sorted(by_prompt.values(), key=lambda question: question.content)
        self._settings, self._where = settings, where

    def shown(self, question: Question) -> Question:
        """The question with its shots. Raises :class:`DataError` where there are too few other rows."""
        k = self._settings.k
        own = f"{self._settings.seed} {question.content}".encode()
        chance = random.Random(hashlib.blake2b(own, digest_size=8).digest())  # noqa: S311 - no secret
        # One more is drawn: the question's own row may be among them.
        drawn = chance.sample(self._pool, min(k + 1, len(self._pool)))
        shots = [Shot(other.line, other.prompt, other.answer) for other in drawn if other.prompt != question.prompt]
        if len(shots) < k:
            raise DataError(
                f"{k} rows are to be shown, and there are {len(shots):,} with another prompt than line "
                f"{question.line}'s",
                where=self._where,
                hint="lower k, or name another dataset to show rows of",
            )
        return question.with_shots(shots[:k])
