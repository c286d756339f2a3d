"""What a pipeline's verbs do: each has its check before anything begins, its inputs for the key, and its work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from runner.pipeline import document as documents
from runner.pipeline.loaded_pipeline import LoadedStep
from runner.spec.pointers import Path as Place
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.execution.plan import Plan
    from runner.runs.event_kinds import Event
    from runner.runs.run_folder import Run
    from runner.tracking.run_listeners import Listener


@dataclass(frozen=True)
class Watching:
    """How a pipeline is followed: what is said, and who listens to trainings and to other long work."""

    say: Callable[[str], None] = lambda text: None
    listeners: Callable[[Any], Sequence[Listener]] = lambda spec: ()
    emit: Callable[[Event], None] = lambda event: None
    announce: Callable[[Run, Plan], None] = lambda run, plan: None
    #: Called when the work of a step is over, well or badly.
    ended: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Work:
    """One step to carry out."""

    step: LoadedStep
    workspace: Workspace
    #: What it is told, with what earlier steps made in the place of references.
    told: Any
    #: Part -> file, of a data step's input.
    inputs: Mapping[str, str]
    #: An empty folder for what it makes; or what an attempt before has left in it, where the verb goes on from that.
    folder: Path
    executor: str | None
    watching: Watching
    #: For the lock of what is trained: the pipeline, the step, and the steps that led there.
    lineage: dict[str, Any]
    source: str


@dataclass(frozen=True)
class Result:
    """What a step came to; the fields are those of :class:`~runner.pipeline.step_store.StepRecord`."""

    summary: str
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    model: str | None = None
    run: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    page: str | None = None


class Verb(Protocol):
    """A module of this package."""

    #: Whether an attempt that was cut off is gone on with, in its folder.
    GOES_ON: bool

    def inputs(self, step: LoadedStep, told: Any, workspace: Workspace) -> Mapping[str, Any]:
        """What the step reads beside what earlier steps made: files by their bytes, stored models by their version.
        ``told`` has ``None`` in the place of references. Raises where there is none."""

    def check(self, step: LoadedStep, workspace: Workspace, executor: str | None) -> None:
        """Everything that can be told before the first step begins. Raises the error of what is wrong."""

    def carry_out(self, work: Work) -> Result:
        """Do it."""


def verb_of(name: str) -> Any:
    """The module of a verb: a :class:`Verb`."""
    return import_module(f"{__name__}.{name}_verb" if name in documents.OWN_VERBS else f"{__name__}.data_verb")


def external(step: LoadedStep, within: Place) -> bool:
    """Whether nothing that an earlier step made stands at a place of what the step is told."""
    return all(reference.within != within for reference in step.references)
