"""Whether the code of an answer does what the row's tests ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runner.builders.language._rewards.judged_answer import JudgedAnswer
from runner.contract.foreign_code import CodeLimits, CodeRunner, Program, cell_tests, code_in, end_of, passed_share


class PassedTests:
    """All answers of a step are tried together: in one container."""

    at_once = True

    def __init__(self, section: Any, code: CodeRunner | None) -> None:
        assert code is not None, "a spec whose runs_code names this reward brings what runs it"
        self._section, self._code = section, code
        self._limits = CodeLimits(section.timeout, section.memory)
        #: How the programs of the last answers ended.
        self.ways: list[str] = []

    def values(self, answers: Sequence[JudgedAnswer]) -> list[float | None]:
        """None for an answer to a row without tests."""
        column = self._section.column
        there = [at for at, answer in enumerate(answers) if answer.row.beside.get(column) is not None]
        programs = [
            Program(code_in(answers[at].message.content), cell_tests(answers[at].row.beside[column])) for at in there
        ]
        found = self._code.run(programs, self._limits)
        self.ways = [end_of(ends) for ends in found]
        values: list[float | None] = [None] * len(answers)
        for at, ends in zip(there, found, strict=True):
            passed = passed_share(ends)
            values[at] = passed if self._section.counts == "share" else float(passed == 1)
        return values
