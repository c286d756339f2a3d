"""Where a sweep is on the disk, and who may add to it."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from runner import near_names
from runner.errors import ConflictError, NotFoundError
from runner.store.files import cannot_write, read_json, write_json
from runner.sweeps import journal_digest
from runner.sweeps.journal import Journal, Record, TrialState
from runner.workspace import Workspace


class SweepFolder:
    """``sweeps/NAME/``: the document as it was run last, the journal, and each trial's spec and log."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.journal = Journal(self.path)

    @property
    def name(self) -> str:
        return self.path.name

    def spec(self, model: str) -> Path:
        """The spec of a trial, by its model's name: ``runner train --spec-file`` takes it."""
        return self.path / "trials" / f"{model}.json"

    def log(self, model: str) -> Path:
        """What the trial's training said."""
        return self.path / "trials" / f"{model}.log"

    def record(self) -> Record:
        """What the journal says."""
        return Record.read(self.journal)

    def seen(self, most: int | None = None) -> Record:
        """The same for who looks on: what was being trained when the sweep was interrupted is told as that. With
        ``most``, only that many of the newest trials need be there whole, beside the best."""
        record = self._looked_at(most)
        if any(trial.state is TrialState.RUNNING for trial in record.trials.values()) and not self._being_run():
            # It may have ended between the two looks.
            record = self._looked_at(most)
            for trial in record.trials.values():
                if trial.state is TrialState.RUNNING:
                    trial.state = TrialState.INTERRUPTED
        return record

    def _looked_at(self, most: int | None) -> Record:
        return self.record() if most is None else journal_digest.read(self.path, self.journal, most)

    def _being_run(self) -> bool:
        """Whether a process holds the sweep's lock, or may: in a folder that cannot be written to nobody can tell."""
        try:
            with FileLock(self.path / ".lock", timeout=0):
                return False
        except (Timeout, OSError):
            return True

    def document(self) -> dict[str, Any]:
        """The sweep as it was run last: ``sweep`` and ``base``. Raises NotFoundError where it never was."""
        try:
            found = read_json(self.path / "sweep.json")
        except FileNotFoundError:
            raise NotFoundError("there is no sweep in this folder", where=str(self.path)) from None
        return dict(found)

    def write_document(self, document: dict[str, Any]) -> None:
        """Write it down. Raises EnvironmentProblem."""
        try:
            (self.path / "trials").mkdir(parents=True, exist_ok=True)
            write_json(self.path / "sweep.json", document)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one who adds to the journal. Raises :class:`ConflictError` while another process is."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path / ".lock", timeout=0.2):
                yield
        except Timeout:
            raise ConflictError(
                "the sweep is being run by another process",
                where=str(self.path),
                hint=f"look at it: runner sweep show {self.name}",
            ) from None
        except OSError as error:
            raise cannot_write(self.path, error) from error


def sweep_folder(workspace: Workspace, name: str) -> SweepFolder:
    """The folder of a sweep by its name, whether it is there or not."""
    return SweepFolder(workspace.home / "sweeps" / name)


def all_sweeps(workspace: Workspace) -> list[SweepFolder]:
    """Every sweep, by its name."""
    home = workspace.home / "sweeps"
    return [SweepFolder(path) for path in sorted(home.glob("*")) if (path / "sweep.json").is_file()]


def find_sweep(workspace: Workspace, name: str) -> SweepFolder:
    """A sweep that was begun. Raises :class:`NotFoundError` with the name that was probably meant."""
    found = sweep_folder(workspace, name)
    if (found.path / "sweep.json").is_file():
        return found
    names = [each.name for each in all_sweeps(workspace)]
    raise NotFoundError(
        f"there is no sweep {name!r}",
        where=str(found.path.parent),
        hint=near_names.hint(name, names, "there are: " + (", ".join(names) or "none")),
    )


def content_hash(value: Any) -> str:
    """sha256 (hex) of a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
