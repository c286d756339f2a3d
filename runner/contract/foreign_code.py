"""Code that nobody has read: programs that a model wrote, and how they are run and tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

#: How a test ends. ``failed``: it raised, said something else, or the program left before the test was over.
ENDS = ("passed", "failed", "timeout", "killed")
HINT = 'a Python text such as "assert add(1, 2) == 3", a list of them, or a list of {"input": ..., "output": ...}'


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
