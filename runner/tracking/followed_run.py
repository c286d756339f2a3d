"""Those who follow a run from outside its worker, for as long as it is executed: TensorBoard, where the spec asks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from runner.errors import RunnerError
from runner.runs.event_kinds import Event, TensorboardEvent, WarningEvent
from runner.runs.run_folder import Run
from runner.tracking.run_listeners import Listener


@contextlib.contextmanager
def followed(run: Run, spec: Any, listeners: Sequence[Listener]) -> Iterator[list[Listener]]:
    """The listeners, with what ``spec.tensorboard`` asks for among them until the block is left.

    Nothing that goes wrong with it ends a run: it is told as a warning, and the run goes on without.
    """
    section = spec.tensorboard
    if section is None:
        yield list(listeners)
        return
    from runner.tracking import tensorboard_server
    from runner.tracking.tensorboard_listener import TensorboardListener

    board, server = None, None

    def tell(event: Event) -> None:
        for listener in listeners:
            with contextlib.suppress(Exception):
                listener.handle(event)

    try:
        try:
            board = TensorboardListener(run.path, run.document("spec"))
            if section.serve and (there := tensorboard_server.shown(run.path)) is not None:
                # One that was kept when the run was stopped.
                tell(TensorboardEvent(t=time.time(), url=there.url, stop=tensorboard_server.how_to_stop(run.path)))
            elif section.serve:
                server = tensorboard_server.start(run.path, keep=section.keep)
                stop = tensorboard_server.how_to_stop(run.path) if section.keep else None
                tell(TensorboardEvent(t=time.time(), url=server.shown.url, stop=stop))
        except (RunnerError, OSError, ImportError) as error:
            message = error.message if isinstance(error, RunnerError) else f"{type(error).__name__}: {error}"
            tell(WarningEvent(t=time.time(), message=message, pointer="/tensorboard"))
        yield [*listeners, *([_Heard(board)] if board is not None else [])]
    finally:
        if board is not None:
            with contextlib.suppress(OSError):
                board.close()
        if server is not None:
            server.close()


class _Heard:
    """A listener without an end: attempts end, and what follows the run goes on to the next."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def handle(self, event: Event) -> None:
        self._listener.handle(event)
