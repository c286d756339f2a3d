"""Taking a run's directory away: by one rename, so that it is there as a whole or not at all."""

from __future__ import annotations

import contextlib
from pathlib import Path

from runner.runs.run_folder import Run
from runner.store.files import cannot_write
from runner.store.version_deletion import take_away

#: The folder among the runs that a removed one is moved to. It has no state, so it is no run.
REMOVED = ".removed"


def remove_run(run: Run) -> None:
    """Remove a run for good. Raises :class:`~runner.errors.ConflictError` while a process holds it, and
    :class:`~runner.errors.EnvironmentProblem` where it may not be written."""
    gone = run.path.parent / REMOVED / run.id
    try:
        with run.lock(timeout=0.2):
            gone.parent.mkdir(exist_ok=True)
            run.path.rename(gone)
        take_away(gone)
        with contextlib.suppress(OSError):
            # Others may be at it.
            gone.parent.rmdir()
    except OSError as error:
        raise cannot_write(run.path, error) from error


def leftovers(runs: Path) -> list[Path]:
    """What is left of runs whose removal was killed."""
    folder = runs / REMOVED
    return sorted(folder.iterdir()) if folder.is_dir() else []


def clear(left: list[Path]) -> None:
    """Take that away. Raises :class:`~runner.errors.EnvironmentProblem`."""
    for path in left:
        try:
            take_away(path)
        except OSError as error:
            raise cannot_write(path, error) from error
        with contextlib.suppress(OSError):
            path.parent.rmdir()
