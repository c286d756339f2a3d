"""Runs that nobody is at any more, though their state still says that they wait or run."""

from __future__ import annotations

from runner.runs.liveness import is_alive
from runner.runs.run_state import RunState, State

#: What is noted of a run that nobody supervises any more.
GONE = "the process that supervised it is gone"
#: What is noted of a run whose process ended between making and beginning it.
NEVER_BEGUN = "never begun: the process that made it is gone"
#: What is said of a run that nobody here can look into, and that says itself that it is running.
CANNOT_TELL = "running, as far as can be told: this user may not look whether somebody still supervises it"


def note(document: RunState, supervised: bool | None) -> str | None:
    """What is to be noted of a run that is at its end without having said so; None where there is nothing to.

    ``supervised`` is whether somebody holds the run's lock; None where that cannot be told.
    """
    if document.state == State.RUNNING:
        held = is_alive(document.process) if supervised is None else supervised
        return None if held else CANNOT_TELL if held is None else GONE
    if document.state == State.PENDING and not supervised:
        return NEVER_BEGUN if is_alive(document.creator) is False else None
    return None
