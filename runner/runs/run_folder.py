"""A run's directory: its state machine, its lock, and what it holds.

::

    runs/<run id>/
        spec.json      the resolved spec             plan.json     where and how it executes
        state.json     the state, written atomically  events.jsonl  what happened
        log.txt        the worker's own output       outcome.json  how the worker ended
        lock.json      what a replay needs           result.json, tables.json   what it measured
        checkpoints/   what a resumed run goes on from; a run that has succeeded has none
        artifact/      the model, until it is moved to where it is stored (state.json says where)
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from runner import near_names
from runner.errors import ConflictError, EnvironmentProblem, IntegrityError, NotFoundError, RunnerError
from runner.runs import abandoned_runs
from runner.runs.liveness import is_held, is_here, this_process
from runner.runs.run_documents import Failure
from runner.runs.run_state import FOLLOWS as FOLLOWS
from runner.runs.run_state import RunState
from runner.runs.run_state import State as State
from runner.store.files import cannot_read, cannot_write, read_json, write_json
from runner.store.typed_documents import JsonObject, Misfit, TypedDocument

D = TypeVar("D", bound=TypedDocument)

#: The file in a run that the process that trains holds; the supervisor holds ``.lock``.
WORKER_LOCK = ".worker.lock"


class Run:
    """One run, by its directory. Cheap to make; reads its files when asked."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def id(self) -> str:
        """The directory's name."""
        return self.path.name

    @classmethod
    def create(cls, runs: Path, name: str, documents: Mapping[str, TypedDocument | JsonObject]) -> Run:
        """A new pending run with these documents in it (``{"spec": ..., "plan": ...}``)."""
        # UTC: the same everywhere, and never set back in autumn.
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        readable = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:40] or "run"
        try:
            runs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(runs, error) from error
        for _ in range(100):
            path = runs / f"{stamp}-{readable}-{secrets.token_hex(2)}"
            try:
                path.mkdir()
            except FileExistsError:
                continue
            except OSError as error:
                raise cannot_write(path, error) from error
            run = cls(path)
            try:
                for folder in ("checkpoints", "artifact"):
                    (path / folder).mkdir()
                for document, value in documents.items():
                    run.write(document, value)
                born = RunState(state=State.PENDING, created=time.time(), attempts=0, creator=this_process())
                run.write("state", born)
            except BaseException as error:
                # Half a run is none.
                shutil.rmtree(path, ignore_errors=True)
                if isinstance(error, OSError):
                    raise cannot_write(path, error) from error
                raise
            return run
        raise ConflictError("no free run id", where=str(runs))

    def document(self, name: str) -> Any:
        """A JSON document of the run, or None where it has not been written.

        Raises :class:`EnvironmentProblem` where it may not be read: the run is somebody else's.
        """
        try:
            return read_json(self.path / f"{name}.json")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def read(self, name: str, shape: type[D]) -> D | None:
        """A document of the run, None where it has not been written. Raises :class:`IntegrityError` for a damaged one,
        and what :meth:`document` raises."""
        document = self.document(name)
        if document is None:
            return None
        try:
            return shape.from_document(document)
        except Misfit as error:
            raise self._damaged(name, f"this file is not what was written ({error})") from None

    def needed(self, name: str, shape: type[D]) -> D:
        """A document that every run has by then. Raises :class:`IntegrityError` where it is gone, too."""
        document = self.read(name, shape)
        if document is None:
            raise self._damaged(name, "this file is missing")
        return document

    def _damaged(self, name: str, what: str) -> IntegrityError:
        return IntegrityError(
            f"the run is damaged: {what}",
            where=str(self.path / f"{name}.json"),
            hint="train anew: the run's spec.json, if it is whole, is the spec",
        )

    def write(self, name: str, value: TypedDocument | JsonObject) -> None:
        """Write a document of the run atomically."""
        write_json(self.path / f"{name}.json", value.to_document() if isinstance(value, TypedDocument) else value)

    def state(self) -> RunState:
        """The state document, with what became of a run that died.

        One that says it is running while nobody holds its lock died, and so did one that is pending while the process
        that made it is gone: it becomes interrupted here, for every later reader too. Where this user may not write
        that down it is said all the same; where nothing can be told, the document's own word stands, with a note.
        """
        document = self._state()
        watched = document.state in (State.RUNNING, State.PENDING)
        note = abandoned_runs.note(document, self.supervised()) if watched else None
        if note is None:
            return document
        if note == abandoned_runs.CANNOT_TELL:
            return replace(document, note=note)
        try:
            with self.lock(timeout=0.2):
                now = self._state()
                if now.state == document.state:
                    now = self.transition(State.INTERRUPTED, note=note)
                return now
        except ConflictError:
            # Somebody has just taken it up.
            return self._state()
        except EnvironmentProblem:
            # A full disk, or a folder that is not ours to write: whoever can writes it down.
            if document.state == State.RUNNING and not is_here(document.process):
                # A lock that is held on another machine need not show on a mount of this one.
                return replace(document, note=abandoned_runs.CANNOT_TELL)
            return replace(document, state=State.INTERRUPTED, note=note)

    def _state(self) -> RunState:
        """The state as it is written down."""
        document = self.document("state")
        if document is None:
            raise NotFoundError("not a run: it has no state.json", where=str(self.path))
        try:
            return RunState.from_document(document)
        except Misfit as error:
            place = str(self.path / "state.json")
            raise IntegrityError(f"this is no state of a run: {error}", where=place) from None

    def transition(
        self,
        state: State,
        *,
        executor: str | None = None,
        note: str | None = None,
        exit_code: int | None = None,
        failure: Failure | None = None,
        model: str | None = None,
        stored_at: str | None = None,
    ) -> RunState:
        """Move to ``state``, and say what else is known then. Raises :class:`ConflictError` for a forbidden move."""
        before = self._state()
        if state not in FOLLOWS[before.state]:
            raise ConflictError(f"a {before.state} run cannot become {state}", where=self.id)
        now = time.time()
        if state is State.RUNNING:
            after = replace(
                before,
                state=state,
                executor=executor or before.executor,
                started=now,
                attempts=(before.attempts or 0) + 1,
                supervisor=os.getpid(),
                process=this_process(),
                # How an earlier attempt ended.
                note=note,
                exit_code=exit_code,
                failure=failure,
                ended=None,
            )
        else:
            after = replace(
                before,
                state=state,
                note=note or before.note,
                exit_code=before.exit_code if exit_code is None else exit_code,
                failure=failure or before.failure,
                model=model or before.model,
                stored_at=stored_at or before.stored_at,
                ended=now,
            )
        self.write("state", after)
        return after

    def executed_by(self, worker: JsonObject) -> None:
        """Write down what identifies the run's worker."""
        self.write("state", replace(self._state(), worker=worker))

    @contextlib.contextmanager
    def lock(self, timeout: float = 5) -> Iterator[None]:
        """Hold the supervisor's lock. Raises :class:`ConflictError` while another process holds it."""
        lock = FileLock(self.path / ".lock", timeout=timeout)
        try:
            lock.acquire()
        except Timeout:
            raise being_executed(self) from None
        except OSError as error:
            raise cannot_write(self.path / ".lock", error) from error
        try:
            yield
        finally:
            lock.release()

    def supervised(self) -> bool | None:
        """Whether a live process holds the run's lock; None where this user may not look."""
        return is_held(self.path / ".lock")


def being_executed(run: Run) -> ConflictError:
    """The error of whoever wants a run that a live process holds."""
    return ConflictError(
        "the run is being executed by another process",
        where=run.id,
        hint=f"follow it: runner runs logs {run.id} --follow",
    )


def all_runs(runs: Path) -> Iterator[Run]:
    """Every run, newest first by when it was made. Folders that are none are passed over; those that may not be looked
    into are not. Raises :class:`EnvironmentProblem` where ``runs`` itself may not be read.

    An id begins with the second in which the run was made, so of thousands of runs only those that are asked for are
    read: what a run says itself decides within a second, and for an id that was made otherwise.
    """
    seconds: dict[float, list[Run]] = {}
    for run in _folders(runs):
        made = _made(run.id)
        created = _created(run) if made is None else made
        seconds.setdefault(float(int(created)), []).append(run)
    for second in sorted(seconds, reverse=True):
        found = seconds[second]
        if len(found) > 1:
            found.sort(key=lambda run: (_created(run), run.id), reverse=True)
        yield from found


def _folders(runs: Path) -> list[Run]:
    """Every run, in no order."""
    try:
        runs = runs.absolute()
        with os.scandir(runs) as found:
            return [Run(runs / entry.name) for entry in found if _is_run(entry.path)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError as error:
        raise cannot_read(runs, error) from error


def _is_run(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(f"{path}/state.json").st_mode)  # noqa: PTH116 - of thousands of folders
    except PermissionError:
        # Somebody else's: whether it is one shows when it is read.
        return True
    except (OSError, ValueError):
        return False


def _made(run: str) -> float | None:
    """When the run of an id was made, seconds since 1970; None where its id does not say."""
    # By hand: strptime takes ten times as long, and there may be thousands.
    day, time_of_day = run[:8], run[9:15]
    if run[8:9] != "-" or len(time_of_day) < 6 or not (day + time_of_day).isdecimal():
        return None
    with contextlib.suppress(ValueError):
        hour, minute, second = (int(time_of_day[at : at + 2]) for at in (0, 2, 4))
        return datetime(int(day[:4]), int(day[4:6]), int(day[6:]), hour, minute, second, tzinfo=UTC).timestamp()
    return None


def _created(run: Run) -> float:
    """When the run was made, seconds since 1970: as it says itself, or by its id where it does not."""
    try:
        created = (run.document("state") or {}).get("created")
    except (RunnerError, AttributeError):
        created = None
    return float(created) if isinstance(created, (int, float)) else _made(run.id) or 0.0


def find_run(runs: Path, reference: str) -> Run:
    """The run that ``reference`` names: an id, an unambiguous part of one, a path, or ``last``.

    Raises :class:`NotFoundError`, or :class:`ConflictError` where a part fits several.
    """
    if os.path.isfile(Path(reference) / "state.json"):  # noqa: PTH113 - Path.is_file raises where it may not look
        return Run(Path(reference))
    if reference == "last":
        newest = None
        for run in all_runs(runs):
            newest = newest or run
            # The last one that is ours to read.
            if os.access(run.path / "state.json", os.R_OK):
                return run
        if newest is not None:
            return newest
    found = _folders(runs)
    exact = [run for run in found if run.id == reference]
    matches = exact or [run for run in found if reference in run.id]
    if len(matches) > 1:
        matches = [run for run in all_runs(runs) if reference in run.id]
        raise ConflictError(
            f"{reference!r} fits {len(matches)} runs", where=str(runs), hint=", ".join(run.id for run in matches[:5])
        )
    if not matches:
        raise NotFoundError(
            f"there is no run {reference!r}", where=str(runs), hint=_nearest([run.id for run in found], reference)
        )
    return matches[0]


def _nearest(ids: list[str], wanted: str) -> str:
    # An id is when, what and a random end: who misspells one misspells all of it, or the name in the middle.
    names = {each[16:-5]: each for each in reversed(ids)} | {each: each for each in ids}
    near = near_names.nearest(wanted, names, cutoff=0.7)
    return f"did you mean {names[near]!r}?" if near else "`runner runs list` lists them"
