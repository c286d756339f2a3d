"""How a terminal follows a pipeline."""

from __future__ import annotations

import sys
from typing import Any

from runner.cli.output import say


def watching(emit: Any) -> Any:
    """Trainings as ``runner train`` shows them; the rest is said."""
    from runner.cli.train_words import announce
    from runner.pipeline.verbs import Watching
    from runner.tracking.terminal import TerminalListener

    open_: list[TerminalListener] = []

    def listeners(spec: Any) -> list[TerminalListener]:
        open_.append(TerminalListener(sys.stderr, print_every=spec.log.print_every))
        return open_[-1:]

    def close() -> None:
        while open_:
            open_.pop().close()

    return Watching(say, listeners, emit, announce, close)
