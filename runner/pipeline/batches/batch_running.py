"""A batch from its first pipeline to its last, in order or side by side; one that fails does not stop the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.errors import Interrupted, RunnerError, Stopped
from runner.execution.supervisor import IN_THREADS, Signals, caught_signals
from runner.pipeline import running
from runner.pipeline.batches.batch_tables import tables_of, write_page
from runner.pipeline.batches.expanding import BatchMember, LoadedBatch
from runner.pipeline.planning import StepsError, plan
from runner.pipeline.running import DoneStep, Ended
from runner.pipeline.step_store import StepStore
from runner.pipeline.verbs import Watching
from runner.store.files import write_json
from runner.workspace import Workspace

#: Somebody asked for the end: no other pipeline is begun.
ENDS = (Interrupted, Stopped)


@dataclass(frozen=True)
class EndedMember:
    """What became of one pipeline of a batch; ``ended`` is None where it was not started."""

    member: BatchMember
    ended: Ended | None = None
    error: RunnerError | None = None

    @property
    def state(self) -> str:
        if self.error is not None:
            return "failed"
        return "not started" if self.ended is None else "done"

    def step(self, name: str) -> DoneStep | None:
        """One of its steps, if it is done."""
        steps = self.ended.steps if self.ended is not None else ()
        return next((step for step in steps if step.name == name and step.record is not None), None)

    def as_dict(self) -> dict[str, Any]:
        """Its entry in the ``--json`` document."""
        head = {
            "pipeline": self.member.pipeline.name,
            "dataset": self.member.dataset,
            "style": self.member.style,
            "experiment": self.member.experiment,
            "state": self.state,
        }
        own = {"error": self.error.as_dict()} if self.error is not None else {}
        return head | own | ({"steps": self.ended.as_dict()["steps"]} if self.ended is not None else {})


@dataclass(frozen=True)
class EndedBatch:
    """What became of a batch."""

    name: str
    folder: Path
    members: Sequence[EndedMember]
    page: Path | None = None

    @property
    def error(self) -> RunnerError | None:
        """The first error of any."""
        return next((each.error for each in self.members if each.error is not None), None)

    def as_dict(self) -> dict[str, Any]:
        """The ``--json`` document, and ``batch-result.json``."""
        return {
            "batch": self.name,
            "state": "failed" if self.error is not None else "done",
            "folder": str(self.folder),
            "page": None if self.page is None else str(self.page),
            "tables": [table.as_dict() for table in tables_of(self.members)],
            "pipelines": [each.as_dict() for each in self.members],
        }


def check(batch: LoadedBatch, workspace: Workspace, executor: str | None = None) -> dict[str, list[Any]]:
    """Plan every pipeline: the planned steps by its name. Raises :class:`StepsError` with everything that is wrong."""
    errors: list[tuple[str, RunnerError]] = []
    found: dict[str, list[Any]] = {}
    for member in batch.members:
        name = member.pipeline.name
        try:
            found[name] = plan(member.pipeline, workspace, executor)
        except StepsError as error:
            errors += [(f"{name}: {step}", each) for step, each in error.errors]
    if errors:
        raise StepsError(errors, sum(len(member.pipeline.steps) for member in batch.members))
    return found


def run_batch(
    batch: LoadedBatch,
    workspace: Workspace,
    *,
    executor: str | None = None,
    watching: Callable[[BatchMember], Watching],
    say: Callable[[str], None] = lambda text: None,
    command: str = "runner pipeline run FILE",
) -> EndedBatch:
    """Check all, then run all. Raises :class:`StepsError` before anything is begun; what a pipeline ends with is in the
    result. What is done is not done again, and steps that several pipelines have in common are done once."""
    check(batch, workspace, executor)
    folder = StepStore(workspace).home / "_batches" / batch.name
    write_json(folder / "batch.json", batch.document.value)

    def one(member: BatchMember) -> EndedMember:
        say(f"{batch.members.index(member) + 1} of {len(batch.members)}: {member.pipeline.name}")
        try:
            ended = running.run(
                member.pipeline, workspace, executor=executor, watching=watching(member), command=command
            )
        except RunnerError as error:
            return EndedMember(member, error=error)
        return EndedMember(member, ended, ended.error)

    if batch.parallel == 1:
        found = _in_order(batch.members, one)
    else:
        found = _side_by_side(batch.members, one, batch.parallel)
    members = [found.get(member.pipeline.name, EndedMember(member)) for member in batch.members]
    ended = EndedBatch(batch.name, folder, members)
    ended = replace(ended, page=write_page(batch, ended, folder))
    write_json(
        folder / "batch-result.json", ended.as_dict() | {"ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    )
    return ended


def _in_order(members: Sequence[BatchMember], one: Callable[[BatchMember], EndedMember]) -> dict[str, EndedMember]:
    found: dict[str, EndedMember] = {}
    for member in members:
        done = found[member.pipeline.name] = one(member)
        if isinstance(done.error, ENDS):
            break
    return found


def _side_by_side(
    members: Sequence[BatchMember], one: Callable[[BatchMember], EndedMember], most: int
) -> dict[str, EndedMember]:
    """In threads, since a training is a process of its own. A signal ends those that run, and no other is begun."""
    found: dict[str, EndedMember] = {}
    left = list(members)
    with caught_signals() as signals, ThreadPoolExecutor(most) as pool:
        going: set[Future[EndedMember]] = set()
        while going or (left and not signals.any):
            while left and len(going) < most and not signals.any:
                going.add(pool.submit(_in_thread, one, left.pop(0), signals))
            over, going = wait(going, timeout=0.5, return_when=FIRST_COMPLETED)
            for each in over:
                done = each.result()
                found[done.member.pipeline.name] = done
    return found


def _in_thread(one: Callable[[BatchMember], EndedMember], member: BatchMember, signals: Signals) -> EndedMember:
    IN_THREADS.set(signals)
    return one(member)
