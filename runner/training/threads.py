"""How many threads the arithmetic may use, where somebody has said so."""

from __future__ import annotations

import os

from runner.errors import EnvironmentProblem

VARIABLE = "OMP_NUM_THREADS"
#: No machine has more, and a library that is asked for more dies of it.
MOST = 4096


def wanted_threads() -> int | None:
    """The number in ``OMP_NUM_THREADS``, None where it is not set.

    It may be a list, one number for each level of nested parallelism (OpenMP 5.2, 21.1.2); nothing here nests, so the
    first counts. Raises :class:`EnvironmentProblem` for anything else.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    numbers = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= MOST for part in numbers):
        raise EnvironmentProblem(
            f"{text!r} is no number of threads",
            where=VARIABLE,
            hint=f"set it to a whole number from 1 to {MOST}, or unset it",
        )
    return int(numbers[0])
