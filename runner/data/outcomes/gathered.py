"""Outcomes as they are read, one at a time, and the matrix that they make; what cannot be used is counted by line."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runner.contract import DataReport
from runner.data.outcomes import outcome_values
from runner.data.outcomes.outcome_fields import Outcomes
from runner.data.outcomes.outcome_matrix import AMOUNTS, OutcomeMatrix
from runner.errors import DataError

#: Role of a column -> the matrix's table of it.
TABLES = {
    "cost": "costs", "prompt_tokens": "prompt_tokens", "completion_tokens": "completion_tokens", "latency": "latency",
}  # fmt: skip
NO_PROMPT, NO_MODEL = "no prompt", "no LLM's name"
NO_SCORE, NO_NUMBER = "no score, a hole", "a score that is no number, a hole"
BEYOND = "a score beyond score_range, a hole"
ALONE = "a prompt that fewer than two LLMs have a score for"
NOTHING = "a prompt that no LLM has a score for"


class Gathered:
    """The outcomes of one data set. ``report`` is told of every row that is dropped, and of every hole."""

    def __init__(self, format: str, options: Outcomes, report: DataReport, where: str) -> None:
        self._format, self._options, self._report, self.where = format, options, report, where
        self._prompts: dict[tuple[str, tuple[str, ...]], int] = {}
        self._groups: list[str] = []
        self._first: list[int] = []
        self._models: dict[str, int] = {}
        self._row, self._column, self._score = array("q"), array("q"), array("d")
        self._number = array("q")
        self._amounts = {role: array("d") for role in TABLES}
        self._responses: list[str | None] = []
        #: Whether prompts have no texts, but names of their own.
        self.textless = False
        #: Rows of the file, and those of them that give no score at all.
        self.read = self.lost = 0
        #: The first score that is no number, as it is written, and its row.
        self.odd_score: tuple[str, int] | None = None

    def prompt(self, text: str, history: tuple[str, ...], group: Any, number: int) -> int:
        """The place of a prompt, which is new or known. Its first group counts."""
        key = (text, history)
        if key not in self._prompts:
            self._prompts[key] = len(self._prompts)
            self._groups.append("" if group is None else str(group))
            self._first.append(number)
        return self._prompts[key]

    def model(self, name: str) -> None:
        """An LLM that the data names, whether or not it has a score."""
        self._models.setdefault(name, len(self._models))

    def say(self, sentence: str) -> None:
        """Tell what is odd about the data."""
        self._report.warnings.append(sentence)

    def drop(self, reason: str, number: int) -> None:
        """Count a row of the file that cannot be used."""
        self.lost += 1
        self._report.drop(reason, [number])

    def outcome(self, prompt: int, model: str, cells: Mapping[str, Any], number: int) -> bool:
        """One LLM's answer to one prompt, its cells by role. False where it has no score that can be used."""
        score = outcome_values.number(cells.get("score"))
        low, high = self._options.score_range or (-np.inf, np.inf)
        if score is None or np.isnan(score) or not low <= score <= high:
            reason = NO_NUMBER if score is None else NO_SCORE if np.isnan(score) else BEYOND
            self._report.change(reason, [number])
            self.model(model)
            if score is None and self.odd_score is None:
                self.odd_score = f"{cells.get('score')!r:.60}", number
            return False
        self.model(model)
        self._row.append(prompt)
        self._column.append(self._models[model])
        self._score.append(score)
        self._number.append(number)
        for role, values in self._amounts.items():
            value = outcome_values.amount(cells.get(role))
            if value is None:
                self._report.change(f"a {role} that is no number of at least 0", [number])
            values.append(np.nan if value is None else value)
        self._responses.append(outcome_values.text(cells.get("response")))
        return True

    def matrix(self, fewest: int = 2) -> OutcomeMatrix:
        """What was gathered, of the prompts that at least ``fewest`` LLMs have a score for.

        Raises :class:`DataError` where a score is there twice and may not be.
        """
        names = sorted(self._models)
        order = np.empty(len(names), np.int64)
        order[[self._models[name] for name in names]] = np.arange(len(names))
        shape = (len(self._prompts), len(names))
        place = np.frombuffer(self._row, np.int64) * len(names) + order[np.frombuffer(self._column, np.int64)]
        used = self._used(place, names)
        tables = {"scores": self._table(self._score, place, used, shape)}
        tables |= {name: self._table(self._amounts[role], place, used, shape) for role, name in TABLES.items()}
        filled = ~np.isnan(tables["scores"])
        alone, nothing = filled.sum(axis=1) < fewest, ~filled.any(axis=0)
        self._report.drop(ALONE if fewest > 1 else NOTHING, [self._first[at] for at in np.flatnonzero(alone)])
        for at in np.flatnonzero(nothing):
            self.say(f"{names[at]} has no score at all, and is left out")
        keys = list(self._prompts)
        lacks = {"prompts": self.textless, "responses": not any(self._responses)}
        limits = self._options.score_range
        matrix = OutcomeMatrix(
            format=self._format,
            models=tuple(names),
            prompts=tuple("" if self.textless else text for text, _ in keys),
            histories=tuple(history for _, history in keys),
            groups=tuple(self._groups),
            keys=tuple(text for text, _ in keys),
            numbers=tuple(self._first),
            scores=tables["scores"],
            **{name: None if np.isnan(tables[name]).all() else tables[name] for name in AMOUNTS},
            responses=None if lacks["responses"] else self._texts(place, used, shape),
            lacks=frozenset(what for what, lacking in lacks.items() if lacking),
            score_range=None if limits is None else (limits[0], limits[1]),
        )
        return matrix.take(~alone).of([names[at] for at in np.flatnonzero(~nothing)])

    def _used(self, place: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """The outcomes that count, bool ``[n]``: all for a mean, else the first of each prompt and LLM."""
        _, first = np.unique(place, return_index=True)
        again = np.ones(len(place), bool)
        again[first] = False
        numbers = [self._number[at] for at in np.flatnonzero(again)]
        rule = self._options.duplicates
        if numbers and rule == "refuse":
            at = int(np.flatnonzero(again)[0])
            raise DataError(
                f"{names[place[at] % len(names)]} has two scores for one prompt ({len(numbers)} such rows in all)",
                where=f"{self.where}:{numbers[0]}",
                hint='"duplicates": "mean" or "first" in the spec\'s data.outcomes takes them together',
            )
        told = "their mean is taken" if rule == "mean" else "the first is taken"
        self._report.change(f"another score of an LLM for the same prompt: {told}", numbers)
        return ~again if rule == "first" else np.ones(len(place), bool)

    @staticmethod
    def _table(values: array[float], place: np.ndarray, used: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Means of what is known, float64 ``shape``, NaN where nothing is."""
        cells = np.frombuffer(values)
        known = used & ~np.isnan(cells)
        size = shape[0] * shape[1]
        counts = np.bincount(place[known], minlength=size)
        sums = np.bincount(place[known], weights=cells[known], minlength=size)
        return np.divide(sums, counts, out=np.full(size, np.nan), where=counts > 0).reshape(shape)

    def _texts(self, place: np.ndarray, used: np.ndarray, shape: tuple[int, int]) -> tuple[tuple[str | None, ...], ...]:
        """The first response to each prompt of each LLM."""
        table: list[list[str | None]] = [[None] * shape[1] for _ in range(shape[0])]
        for at in np.flatnonzero(used):
            row, column = divmod(int(place[at]), shape[1])
            if table[row][column] is None:
                table[row][column] = self._responses[at]
        return tuple(map(tuple, table))
