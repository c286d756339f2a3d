"""Submitting a run: which submission is under way, which is the next, and never two at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from runner.engines.engine import Engine, EngineState, Order
from runner.engines.run_root import RunRoot, Submission, SubmissionEnd

#: The longest name that every engine takes.
LONGEST = 63


@dataclass(frozen=True)
class Submitted:
    """A submission that an engine knows."""

    number: int
    job: str


def order_name(run_id: str, number: int) -> str:
    """What an engine calls the submission: letters, digits and hyphens, at most 63, equal for equal submissions."""
    ending = f"-{number}"
    readable = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in run_id.lower())
    # The hash is at the end, or before the label: what is too long is cut from the front.
    return readable[-(LONGEST - len(ending)) :].strip("-") + ending


def submit(root: RunRoot, engine: Engine, order: Callable[[int], Order]) -> Submitted:
    """Submit the run, or find the submission that is under way: one whose job has not ended.

    Two who submit at the same moment ask for a job of the same name, which an engine starts once; and if it started
    two, one alone would take the attempt. Raises what the engine raises.
    """
    while True:
        numbers = root.numbers("submissions")
        newest = numbers[-1] if numbers else 0
        if newest:
            made, job, ended = root.submission(newest)
            if ended is None and made is not None and made.engine == engine.name:
                if job is None:
                    # Whoever made it was cut off before the engine answered, or is just asking.
                    return _asked(root, engine, order, newest)
                if engine.status(job).state in (EngineState.PENDING, EngineState.RUNNING, EngineState.UNREACHABLE):
                    return Submitted(newest, job)
        number = newest + 1
        made = Submission(engine=engine.name, name=order_name(root.id, number))
        if root.create(f"submissions/{number:04d}.json", made):
            return _asked(root, engine, order, number)


def ended_early(root: RunRoot, number: int, end: SubmissionEnd) -> None:
    """Write down that a submission's job ended before anything of the run began."""
    root.create(f"submissions/{number:04d}.end.json", end)


def _asked(root: RunRoot, engine: Engine, order: Callable[[int], Order], number: int) -> Submitted:
    job = engine.submit(replace(order(number), name=order_name(root.id, number)))
    root.write(f"submissions/{number:04d}.job.json", {"job": job})
    return Submitted(number, job)
