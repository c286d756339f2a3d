"""Whether a person can be asked here, and by what prompts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.wizard.prompt_interface import Asker


def interactive() -> bool:
    """Whether standard input and output are terminals, and no continuous integration runs this (``CI``)."""
    ours = (sys.stdin, sys.stdout)
    return all(stream is not None and stream.isatty() for stream in ours) and not in_ci()


def in_ci() -> bool:
    """Whether ``CI`` says that nobody is there: any value but an empty one, 0, no and false."""
    return os.environ.get("CI", "").strip().lower() not in ("", "0", "no", "false")


def why_not() -> str:
    """Why nobody is asked."""
    return "CI is set" if in_ci() else "standard input and output are no terminal"


def asker(*, plain: bool) -> Asker:
    """Arrow keys where the terminal has a cursor to move; numbered lines on a dumb one, and where ``plain`` says so.

    ``RUNNER_PLAIN`` (any value) asks for numbered lines for good: screen readers read those.
    """
    if plain or os.environ.get("RUNNER_PLAIN") or os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        from runner.wizard.numbered_prompts import NumberedPrompts

        return NumberedPrompts()
    from runner.wizard.arrow_prompts import ArrowPrompts

    return ArrowPrompts()


def warm_up(load: Callable[[], None]) -> None:
    """Load what the next questions need while one is read: a moment later, so that it is drawn first."""
    import threading

    later = threading.Timer(0.15, load)
    later.daemon = True
    later.start()
