"""The rewards of a spec together: opened, asked prompt by prompt, and added up."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from runner import near_names
from runner.builders.language._fields import reward_fields as fields
from runner.builders.language._rewards.code_reward import PassedTests
from runner.builders.language._rewards.function_reward import Function
from runner.builders.language._rewards.judged_answer import JudgedAnswer, Judging
from runner.builders.language._rewards.judged_pairs import PreferredByJudge, Unread
from runner.builders.language._rewards.model_reward import PreferredByModel, ScoredByModel
from runner.builders.language._rewards.reference_rewards import Exact, Numeric, cell_numbers
from runner.builders.language._rewards.text_rewards import Format, GivenByEnvironment, Length, RegularExpression
from runner.builders.language._rewards.user_functions import line_raised
from runner.contract import TrainContext
from runner.contract.foreign_code import cell_tests
from runner.data.dialogues.row_types import PromptRow
from runner.errors import DataError, EnvironmentProblem, RunFailed, Stopped

REWARDS = "/model/spec/rewards"
#: Columns that are named in a message.
SHOWN = 20


@dataclass(frozen=True)
class Worth:
    """What answers are worth, float64: NaN where a reward does not apply."""

    #: By reward, ``[rewards, n]``, without the weights.
    each: np.ndarray
    #: The weighted sum of those that apply, ``[n]``; NaN where none does.
    total: np.ndarray
    #: How often a reward came out in a way that it names, by ``reward/way``: code that ran out of time.
    ways: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class WeightedRewards:
    """Rewards by name, in the spec's order."""

    judges: Mapping[str, Judging]
    weights: Mapping[str, float]

    @classmethod
    def opened(cls, rewards: Mapping[str, Any], context: TrainContext) -> WeightedRewards:
        """Raises by pointer what opening one of them does."""
        judges = {name: _opened(section, f"{REWARDS}/{name}", context) for name, section in rewards.items()}
        return cls(judges, {name: section.weight for name, section in rewards.items()})

    @property
    def unread(self) -> dict[str, Unread]:
        """Of each judge behind an endpoint what it said without a verdict; none of one that always gave one."""
        found = {name: judge.unread for name, judge in self.judges.items() if isinstance(judge, PreferredByJudge)}
        return {name: unread for name, unread in found.items() if unread.count}

    def worth(
        self,
        answers: Sequence[JudgedAnswer],
        group: int,
        step: int | None = None,
        others: Sequence[JudgedAnswer] | None = None,
    ) -> Worth:
        """Of answers that stand prompt by prompt, ``group`` each. ``step`` is named where one fails.

        A reward that compares does so within a group; or, where they are given, with ``others`` to the same prompts.

        Raises :class:`RunFailed` by name, row and step for a reward that raises, gives what is no number, or another
        number of values.
        """
        each = np.full((len(self.judges), len(answers)), math.nan)
        ways: Counter[str] = Counter()
        for line, (name, judge) in enumerate(self.judges.items()):
            together = getattr(judge, "at_once", False) or (others is not None and isinstance(judge, PreferredByJudge))
            size = len(answers) if together else group
            for at in range(0, len(answers), max(1, size)):
                beside = None if others is None else others[at : at + size]
                each[line, at : at + size] = _asked(name, judge, answers[at : at + size], step, beside)
            ways.update(f"{name}/{way}" for way in getattr(judge, "ways", ()))
        weights = np.array(list(self.weights.values()))[:, None]
        applies = ~np.isnan(each)
        total = np.where(applies, weights * np.nan_to_num(each), 0.0).sum(axis=0)
        return Worth(each, np.where(applies.any(axis=0), total, math.nan), ways)


def need_columns(rewards: Mapping[str, Any], *sides: Sequence[PromptRow]) -> list[str]:
    """Sentences about rows of all sides without the column that a reward compares with.

    Raises :class:`DataError` where no row has it.
    """
    sentences, count = [], sum(map(len, sides))
    for name, section in rewards.items():
        if not isinstance(section, fields.ReadingColumn):
            continue
        without = [row.line for row in chain(*sides) if row.beside.get(section.column) is None]
        if count and len(without) == count:
            known = list(dict.fromkeys(column for row in chain(*sides) for column in row.beside))
            shown = ", ".join(map(repr, known[:SHOWN])) or "none"
            raise DataError(
                f"no row has a column {section.column!r} beside its prompt: there are {shown}",
                where=f"{REWARDS}/{name}/column",
                hint=near_names.hint(section.column, known, "name the column that has what is right"),
            )
        if without:
            lines = ", ".join(map(str, without[:8])) + (", ..." if len(without) > 8 else "")
            sentences.append(
                f"{len(without):,} of {count:,} rows have no {section.column!r}: the reward {name} does not apply "
                f"to them (line {lines})"
            )
        if isinstance(section, fields.CodeReward):
            _need_readable(cell_tests, section.column, chain(*sides), f"{REWARDS}/{name}/column")
        if isinstance(section, fields.NumericAnswer):
            _need_readable(cell_numbers, section.column, chain(*sides), f"{REWARDS}/{name}/column")
    return sentences


def _need_readable(read: Callable[[Any], object], column: str, rows: Iterable[PromptRow], where: str) -> None:
    """Raise :class:`DataError` by line for a cell that ``read`` raises ValueError of."""
    for row in rows:
        try:
            if (value := row.beside.get(column)) is not None:
                read(value)
        except ValueError as error:
            raise DataError(f"line {row.line}: {error}", where=where) from None


def _opened(section: Any, place: str, context: TrainContext) -> Judging:
    plain: dict[type, Any] = {
        fields.LengthReward: Length,
        fields.FormatReward: Format,
        fields.PatternReward: RegularExpression,
        fields.ExactAnswer: Exact,
        fields.NumericAnswer: Numeric,
        fields.EnvironmentReward: GivenByEnvironment,
    }
    if isinstance(section, fields.ByRewardModel):
        judging = PreferredByModel if isinstance(section, fields.PreferenceReward) else ScoredByModel
        return judging(section, place, context)
    if isinstance(section, fields.JudgeReward):
        return PreferredByJudge(section, place, context)
    if isinstance(section, fields.FunctionReward):
        return Function(section, place)
    if isinstance(section, fields.CodeReward):
        return PassedTests(section, context.code)
    judge: Judging = plain[type(section)](section)
    return judge


def _asked(
    name: str,
    judge: Judging,
    answers: Sequence[JudgedAnswer],
    step: int | None,
    others: Sequence[JudgedAnswer] | None = None,
) -> list[float]:
    def failed(what: str, which: str = "") -> RunFailed:
        place = "on held-out rows" if step is None else f"at step {step + 1}"
        return RunFailed(
            f"the reward {name} {what}, for {which}the answers to the prompt of line {answers[0].row.line}, {place}",
            where=f"{REWARDS}/{name}",
            hint="it gives a number for every answer, or None where it does not apply",
        )

    try:
        against = None if others is None else getattr(judge, "against", None)
        found = list(judge.values(answers) if against is None else against(answers, others))
    except (EnvironmentProblem, Stopped):
        # It says nothing of the answers.
        raise
    except (Exception, SystemExit) as error:
        place = line_raised(error, getattr(judge, "file", None))
        raise failed(f"raised {type(error).__name__}: {error}{place}") from error
    if len(found) != len(answers):
        raise failed(f"gave {_many(len(found), 'value')} for {_many(len(answers), 'answer')}")
    values = []
    for at, value in enumerate(found):
        if value is None:
            values.append(math.nan)
            continue
        which = f"answer {at + 1} of "
        if hasattr(value, "item"):
            value = value.item()
        if not isinstance(value, int | float):
            raise failed(f"gave {type(value).__name__} and no number", which)
        try:
            number = float(value)
        except OverflowError:
            raise failed("gave a whole number that is too large", which) from None
        if not math.isfinite(number):
            raise failed(f"gave {number}", which)
        values.append(number)
    return values


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
