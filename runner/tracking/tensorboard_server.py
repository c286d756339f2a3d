"""A TensorBoard of a run's own: on a free port of this machine alone, ended by its own process id and no other's.

Its process is :mod:`runner.tracking.tensorboard_child`. What belongs to a run ends with it: the child reads a pipe that
closes when we are gone, however we went. One that is kept is on its own, and ``tensorboard.json`` in the run's
directory says which process it is.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from runner.errors import ConflictError, EnvironmentProblem, NotFoundError
from runner.runs.run_folder import Run
from runner.store.typed_documents import TypedDocument
from runner.tracking.tensorboard_listener import FOLDER

#: The run's document that says which process shows it.
DOCUMENT = "tensorboard"
#: Seconds that a server may take to end once it is asked to.
ENDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Shown(TypedDocument):
    """A TensorBoard that shows a run."""

    url: str
    pid: int
    #: When the process began, by the machine's clock: another process of the same number began at another time.
    began: float
    #: Whether it outlives the run.
    kept: bool = False


@dataclass
class Server:
    """One that was started here."""

    shown: Shown
    process: subprocess.Popen[bytes]
    run: Path

    def close(self) -> None:
        """End it, unless it is kept, and wait until it is gone."""
        if self.shown.kept:
            return
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(ENDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _forget(self.run)


def start(run: Path, *, keep: bool) -> Server:
    """Start one for a run's directory, and return once it answers.

    Raises :class:`EnvironmentProblem` where it does not come up, and :class:`ConflictError` where the run has one.
    """
    if (there := shown(run)) is not None:
        raise ConflictError(f"the run is shown already: {there.url}", where=run.name, hint=how_to_stop(run))
    folder = run / FOLDER
    folder.mkdir(exist_ok=True)
    words = [sys.executable, "-m", "runner.tracking.tensorboard_child", str(folder), *(["--keep"] if keep else [])]
    with (run / "tensorboard.log").open("wb") as log:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            # Ctrl-C at the terminal is for us.
            start_new_session=True,
        )
    assert process.stdout is not None
    with process.stdout as said:
        url = said.readline().decode().strip()
    if not url:
        process.wait()
        text = (run / "tensorboard.log").read_text("utf-8", "replace").strip().splitlines()
        raise EnvironmentProblem(
            f"TensorBoard did not start: {text[-1] if text else f'it ended with {process.returncode}'}",
            where="/tensorboard",
            hint=f"its words are in {run / 'tensorboard.log'}",
        )
    found = Shown(url=url, pid=process.pid, began=_began(process.pid) or 0.0, kept=keep)
    Run(run).write(DOCUMENT, found)
    return Server(found, process, run)


def shown(run: Path) -> Shown | None:
    """The TensorBoard that shows a run now, or None. One whose process is gone is forgotten."""
    found = Run(run).read(DOCUMENT, Shown)
    if found is None or (found.began and _began(found.pid) == found.began):
        return found
    with contextlib.suppress(OSError):
        _forget(run)
    return None


def stop(run: Path) -> Shown:
    """End the TensorBoard that shows a run, and no other. Raises :class:`NotFoundError` where there is none."""
    import psutil

    found = shown(run)
    if found is None:
        raise NotFoundError("no TensorBoard shows this run", where=run.name, hint=f"runner runs tensorboard {run.name}")
    try:
        process = psutil.Process(found.pid)
        process.terminate()
        try:
            process.wait(ENDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(ENDS)
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied:
        raise EnvironmentProblem(
            f"process {found.pid} is another user's", where=run.name, hint="that user has to stop it"
        ) from None
    _forget(run)
    return found


def how_to_stop(run: Path) -> str:
    """What to type to end the one of a run."""
    return f"runner runs tensorboard {run.name} --stop"


def _forget(run: Path) -> None:
    (run / f"{DOCUMENT}.json").unlink(missing_ok=True)


def _began(pid: int) -> float | None:
    """When a process began, or None where there is none, or only what is left of one."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None
