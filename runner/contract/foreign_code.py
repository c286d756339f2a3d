"""Code that nobody has read: programs that a model wrote, and how they are run and tried."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

#: How a test ends. ``failed``: it raised, said something else, or the program left before the test was over.
ENDS = ("passed", "failed", "timeout", "killed")
#: What is said of those that did not come to their end.
CUT_SHORT = {"timeout": "ran out of time", "killed": "was killed, for want of memory or by a signal"}
HINT = 'a Python text such as "assert add(1, 2) == 3", a list of them, or a list of {"input": ..., "output": ...}'
#: A block between lines of three or more backticks; the last may be open where an answer was cut.
FENCED = re.compile(r"^[ \t]*(`{3,})[^\n`]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class CodeTest:
    """Python that is run after the program; or what the program reads and has to write."""

    python: str | None = None
    input: str = ""
    output: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"input": self.input, "output": self.output} if self.python is None else {"python": self.python}


@dataclass(frozen=True)
class Program:
    """Python source, and the tests that it is tried by, each in a process of its own."""

    source: str
    tests: tuple[CodeTest, ...]


@dataclass(frozen=True)
class CodeLimits:
    """What a program may take."""

    #: Seconds for all its tests together.
    timeout: float
    #: MiB that a process of it may have.
    memory: int


class CodeRunner(Protocol):
    """Where programs run: never in this process, without a network, and without our files."""

    def run(self, programs: Sequence[Program], limits: CodeLimits) -> list[list[str]]:
        """How the tests of every program ended, each one of :data:`ENDS`.

        Raises :class:`~runner.errors.EnvironmentProblem` where they cannot be run, which says nothing of them.
        """


def code_in(text: str) -> str:
    """The last block between lines of backticks; all of a text without one."""
    blocks = FENCED.findall(text)
    return str(blocks[-1][1]) if blocks else text


def end_of(ends: Sequence[str]) -> str:
    """How a program ended as a whole: the worst of how its tests did."""
    return next((end for end in ("timeout", "killed", "failed") if end in ends), "passed")


def passed_share(ends: Sequence[str]) -> float:
    """The share of a program's tests that it passed; 0 for a program that did not come to its end."""
    return 0.0 if set(CUT_SHORT) & set(ends) else ends.count("passed") / len(ends)


def cell_tests(value: Any) -> tuple[CodeTest, ...]:
    """The tests of a cell. Raises :class:`ValueError` for what is none."""
    found = value if isinstance(value, list) else [value]
    if not found:
        raise ValueError(f"there are no tests; tests are {HINT}")
    return tuple(map(_test, found))


def _test(value: Any) -> CodeTest:
    if isinstance(value, str) and value.strip():
        return CodeTest(value)
    if isinstance(value, dict) and set(value) <= {"input", "output"} and isinstance(value.get("output"), str):
        given = value.get("input", "")
        if isinstance(given, str):
            return CodeTest(None, given, value["output"])
    raise ValueError(f"{type(value).__name__} {str(value)[:60]!r} is no test; tests are {HINT}")
