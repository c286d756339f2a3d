"""The comparison itself: train every spec, ask every model about the same held-out prompts, measure, tell."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from runner import __version__
from runner.contract import DataSection
from runner.errors import Interrupted, RunnerError, Stopped
from runner.evaluation.compare_tables import reason
from runner.evaluation.compared_specs import Candidate
from runner.evaluation.shared_holdout import Split
from runner.evaluation.trained_or_reused import Entry, obtain
from runner.execution.image_lookup import source_hash
from runner.execution.plan import Plan
from runner.execution.prepared_references import resolve_section
from runner.inference.opening import Opened, open_model
from runner.runs.run_folder import Run
from runner.spec.canonical import canonical
from runner.tasks.compared import Answer
from runner.tracking.run_listeners import Listener
from runner.workspace import Workspace, current_folder

#: Somebody asked for the end: the other models are not begun.
ENDS = (Interrupted, Stopped)


@dataclass(frozen=True)
class Watching:
    """How a comparison is followed: what is said, who listens to a training, what is told when it begins."""

    say: Callable[[str], None] = lambda text: None
    listeners: Callable[[Candidate], Sequence[Listener]] = lambda candidate: ()
    announce: Callable[[Run, Plan], None] = lambda run, plan: None
    ended: Callable[[], None] = lambda: None


def compare(
    wanted: Sequence[Candidate],
    workspace: Workspace,
    *,
    reuse: bool = False,
    executor: str | None = None,
    device: str = "cpu",
    watching: Watching = Watching(),
) -> dict[str, Any]:
    """Train and measure. Returns the document of ``comparison.json``.

    A model that cannot be trained or measured has the state ``failed`` and its error; the others go on. After Ctrl-C
    the document says ``interrupted`` and holds what was done. Raises what loading the data raises.
    """
    section = wanted[0].loaded.spec.data
    assert isinstance(section, DataSection)
    section = resolve_section(section, workspace.store, current_folder()).section
    split = Split.load(section, workspace.cache)
    entries = [Entry(candidate) for candidate in wanted]
    interrupted = False
    try:
        for at, candidate in enumerate(wanted):
            watching.say(f"{at + 1} of {len(wanted)}: {candidate.label}")
            try:
                entries[at] = obtain(
                    candidate,
                    split,
                    workspace,
                    reuse=reuse,
                    executor=executor,
                    listeners=watching.listeners(candidate),
                    announce=watching.announce,
                    say=watching.say,
                )
            except ENDS as error:
                entries[at].error = error
                if error.hint:
                    watching.say(error.hint)
                raise
            except RunnerError as error:
                entries[at].fail(error)
            finally:
                watching.ended()
            _tell(entries[at], watching.say)
    except (KeyboardInterrupt, *ENDS):
        interrupted = True
    document: dict[str, Any] = {
        "comparison_version": 1,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "runner": __version__,
        "code": source_hash(),
        "interrupted": interrupted,
        "data": {"section": canonical(wanted[0].loaded.spec)["data"], "record": split.whole.record}
        | {"fingerprint": split.whole.fingerprint},
        "device": device,
    }
    try:
        return document | _measured(entries, split, workspace, device, watching.say)
    except KeyboardInterrupt:
        models = [entry.as_dict() for entry in entries]
        return document | {"interrupted": True, "tasks": {}, "models": models}


def _measured(
    entries: Sequence[Entry], split: Split, workspace: Workspace, device: str, say: Callable[[str], None]
) -> dict[str, Any]:
    """What was trained, measured task by task: ``tasks``, and ``models`` with every entry in the order of the specs."""
    tasks: dict[str, Any] = {}
    seed = int(getattr(split.section, "seed", 0))
    for task in dict.fromkeys(entry.candidate.task for entry in entries):
        of_task = [Measured(entry, workspace, device) for entry in entries if entry.candidate.task is task]
        of_task = [model for model in of_task if model.entry.measurable]
        if of_task:
            tasks[task.name] = task.room("comparing").bench(of_task, split.whole, seed, say)
            for model in of_task:
                if model.entry.error is not None:
                    _tell(model.entry, say)
    measured = {row["label"]: row for found in tasks.values() for row in found["table"]}
    rest = [entry.as_dict() for entry in entries if entry.label not in measured]
    return {"tasks": tasks, "models": [*measured.values(), *rest]}


@dataclass
class Measured:
    """A stored model of a comparison as its task asks it: opened by the one door, loaded while it is asked."""

    entry: Entry
    workspace: Workspace
    device: str

    @property
    def label(self) -> str:
        return self.entry.label

    @property
    def metrics(self) -> Mapping[str, object]:
        return self.entry.manifest.metrics if self.entry.manifest else {}

    @property
    def tables(self) -> Mapping[str, Any]:
        return self.entry.manifest.tables if self.entry.manifest else {}

    @property
    def path(self) -> Path:
        return self.opened.path

    @cached_property
    def opened(self) -> Opened:
        assert self.entry.stored is not None
        # A model that needs no GPU is measured all the same.
        return open_model(self.workspace, self.entry.stored, device=self.device)

    def ask(self, question: Callable[[Any], Answer]) -> Answer:
        try:
            return question(self.opened.load())
        except RunnerError as error:
            # It is kept, and the frames of its traceback would keep the model.
            raise error.with_traceback(None) from None
        finally:
            # A network is a ring of references: it goes before the next model comes.
            gc.collect()

    def parameter(self, name: str) -> float | None:
        return self.opened.parameter(name)

    def fail(self, error: RunnerError) -> None:
        self.entry.fail(error)

    def as_dict(self) -> dict[str, Any]:
        return self.entry.as_dict()


def _tell(entry: Entry, say: Callable[[str], None]) -> None:
    if entry.error is not None:
        hint = f"\n  {entry.error.hint}" if entry.error.hint else ""
        say(f"{entry.label} {reason(entry.as_dict())}; the others go on{hint}")
    elif entry.stored is not None:
        how = "taken from the store" if entry.state == "reused" else "stored"
        say(f"{entry.label}: {how} as {entry.stored.reference}")
    for warning in entry.warnings:
        say(f"warning: {entry.label}: {warning}")
