"""``runner runs watch``"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable, Iterator

from runner.cli import streams
from runner.cli.output import show
from runner.cli.parameters import Json
from runner.execution.plan_document import PlanDocument
from runner.runs.run_folder import Run, State, find_run
from runner.workspace import Workspace

#: Seconds between two looks at a run, and between two at the machine.
TICK, MACHINE = 0.25, 2.0
#: Keys that leave.
LEAVE = {b"q", b"Q", b"\x1b", b"\x04"}


def watch(run: str = "last", *, json: Json = False) -> None:
    """Watch a run in the terminal: its curves, how fast it goes, what it takes, when it ends, the end of its log.

    The key q, or Ctrl-C, leaves, and the run goes on. A run that is over is shown as it ended. Where the output is no
    terminal, every event is a line. With --json what is known now is printed, once.

    Example: runner runs watch last

    Parameters
    ----------
    run
        The run's id, a part of it, "last", or the path of a run's directory, also of one copied from elsewhere.
    """
    from runner.tracking.terminal import is_terminal
    from runner.tracking.watched_run import Watched

    found = find_run(Workspace.current().runs, run)
    state = found.state()
    watched = Watched(found.path)
    if json:
        watched.look()
        show({"run": found.id, "state": state.state} | watched.as_dict(), "", as_json=True)
        return
    over = _over(found)
    if is_terminal(sys.stdout):
        _drawn(found, watched, over)
    else:
        _lines(watched, over)


def _over(run: Run) -> Callable[[], str | None]:
    """What tells the state of a run that is over, and None of one that goes on."""

    def look() -> str | None:
        state = run.state().state
        return None if state in (State.RUNNING, State.PENDING) else str(state)

    return look


def _lines(watched: object, over: Callable[[], str | None]) -> None:
    from runner.tracking.event_words import sentence
    from runner.tracking.watched_run import Watched

    assert isinstance(watched, Watched)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            # Asked before the events are read: what was told until then is read then.
            ended = over()
            for event in watched.look():
                clock = time.strftime("%H:%M:%S", time.localtime(event.t)) if event.t else "--:--:--"
                print(f"{clock} {sentence(event)}", flush=True)
            if ended is not None or streams.lost() is not None:
                break
            time.sleep(TICK)
        if ended is not None:
            print(ended, flush=True)


def _drawn(run: Run, watched: object, over: Callable[[], str | None]) -> None:
    from rich.console import Console
    from rich.live import Live

    from runner.tracking.watch_view import WatchView
    from runner.tracking.watched_machine import Taken
    from runner.tracking.watched_run import Watched

    assert isinstance(watched, Watched)
    plan = run.read("plan", PlanDocument)
    view = WatchView(watched, run.id, f"{plan.model_type}/{plan.name}" if plan else None)
    console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False)
    taken, looked = Taken(), float("-inf")
    watched.look()
    ended = over()
    if ended is None:
        try:
            with (
                _keys() as pressed,
                Live(
                    view, console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
                ) as live,
            ):
                while ended is None:
                    ended = over()
                    watched.look()
                    if time.monotonic() - looked >= MACHINE:
                        looked = time.monotonic()
                        begun = watched.started
                        pid = begun.pid if begun is not None and plan is not None and plan.executor == "local" else None
                        view.machine = taken.look(pid, begun.device if begun is not None else None)
                    live.refresh()
                    if pressed(TICK):
                        break
        except KeyboardInterrupt:
            pass
    # What stays on the terminal: the picture as it was last.
    watched.look()
    view.state, view.leaves, view.machine = ended or "running", False, {}
    console.print(view, height=min(console.size.height, 40))
    if ended is None:
        console.print(f"the run goes on: runner runs watch {run.id}", soft_wrap=True)


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[float], bool]]:
    """Keys one by one, without being shown. Gives what waits so many seconds, and says whether one that leaves came."""
    if not sys.stdin.isatty():

        def waited(seconds: float) -> bool:
            time.sleep(seconds)
            return False

        yield waited
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def pressed(seconds: float) -> bool:
        if not select.select([descriptor], [], [], seconds)[0]:
            return False
        key = os.read(descriptor, 64)
        # A terminal that goes away reads as the end.
        return not key or key in LEAVE or key[:1] in LEAVE - {b"\x1b"}

    try:
        tty.setcbreak(descriptor)
        yield pressed
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
