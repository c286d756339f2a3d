"""From a candidate to a stored model: trained down the road of every run, or found in the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.contract import ModelSpec
from runner.errors import RunnerError
from runner.evaluation.compared_specs import Candidate
from runner.evaluation.shared_holdout import Split
from runner.execution.data_lineage import other_data
from runner.execution.plan import Plan, make_plan
from runner.execution.train_and_resume import train
from runner.runs.event_kinds import DataEvent, MetricsEvent
from runner.runs.events import EventReader
from runner.runs.run_folder import Run
from runner.spec.training_identity import spec_hash
from runner.store.manifest import Manifest, verify
from runner.store.model_lookup import StoredModel, listing
from runner.tracking.run_listeners import Listener
from runner.workspace import Workspace


@dataclass
class Entry:
    """One model of a comparison and what became of it."""

    candidate: Candidate
    #: ``not trained``, ``trained``, ``reused`` or ``failed``.
    state: str = "not trained"
    stored: StoredModel | None = None
    manifest: Manifest | None = None
    fit_seconds: float | None = None
    error: RunnerError | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        return self.candidate.label

    @property
    def measurable(self) -> bool:
        """Whether there is a model to measure."""
        return self.stored is not None and self.state != "failed"

    @property
    def bytes(self) -> int | None:
        """The size of the stored model's files."""
        return self.manifest.bytes if self.manifest else None

    def fail(self, error: RunnerError) -> None:
        self.state, self.error = "failed", error

    def as_dict(self) -> dict[str, Any]:
        """What is known of it whatever its task."""
        return {
            "label": self.label,
            "model_type": self.candidate.kind,
            "name": self.candidate.loaded.spec.model.name,
            "task": self.candidate.task.name,
            "source": self.candidate.source,
            "state": self.state,
            "model": self.stored.reference if self.stored else None,
            "run": self.manifest.run if self.manifest else None,
            "fit_seconds": self.fit_seconds,
            "bytes": self.bytes if self.measurable else None,
            "error": self.error.as_dict() if self.error else None,
            "warnings": self.warnings,
        }


def obtain(
    candidate: Candidate,
    split: Split,
    workspace: Workspace,
    *,
    reuse: bool,
    executor: str | None,
    listeners: Sequence[Listener],
    announce: Callable[[Run, Plan], None],
    say: Callable[[str], None],
) -> Entry:
    """Train the candidate, or find it in the store, and make sure that it saw nothing of what is held out.

    Raises what training raises.
    """
    entry = Entry(candidate)
    plan = make_plan(candidate.loaded, workspace, executor=executor)
    section = plan.spec.model.spec
    assert isinstance(section, ModelSpec)
    same, note = stored_like(plan, split.own(section).fingerprint, workspace) if reuse else (None, None)
    if note is not None:
        say(note)
    if same is not None:
        entry.state, entry.stored = "reused", same
    else:
        finished = train(candidate.loaded, workspace, executor=executor, listeners=listeners, announce=announce)
        entry.state, entry.stored = "trained", finished.model
    entry.manifest = manifest = entry.stored.manifest()
    run = workspace.runs / (manifest.run or "-")
    entry.fit_seconds = fit_seconds(run) if run.is_dir() else None
    split.refuse_seen(section, manifest.lock.data_fingerprint)
    entry.warnings = elsewhere(manifest, workspace)
    return entry


def stored_like(plan: Plan, fingerprint: str, workspace: Workspace) -> tuple[StoredModel | None, str | None]:
    """The newest stored model that training this plan would make again: the same spec, parents, data and code.

    One of the plan's own name comes first. Where only the code is another, there is none, and a sentence that says so.
    Raises :class:`IntegrityError` where its bytes are not what was stored.
    """
    wanted = spec_hash(plan.spec), fingerprint
    parents = plan.document.parent, plan.document.references
    note = None

    def rank(model: StoredModel) -> tuple[bool, int]:
        return model.name == plan.spec.model.name, model.version

    stored = [model for model in listing(workspace.store) if model.model_type == plan.model_type]
    for model in sorted(stored, key=rank, reverse=True):
        try:
            manifest = model.manifest()
        except RunnerError:
            continue
        lock = manifest.lock
        if (manifest.parent, manifest.references) != parents or (lock.spec_hash, lock.data_fingerprint) != wanted:
            continue
        if lock.code == plan.document.code:
            verify(model.path, workspace.cache)
            return model, None
        note = note or f"{model.reference} has this spec and data, and was trained by other code: training it again"
    return None, note


def fit_seconds(run: Path) -> float | None:
    """How long the run's last attempt trained: from when its data was there to when it was measured."""
    begun = ended = None
    for event in EventReader(run).new():
        if isinstance(event, DataEvent):
            begun, ended = event.t, None
        elif isinstance(event, MetricsEvent):
            ended = event.t
    return None if begun is None or ended is None else ended - begun


def elsewhere(manifest: Manifest, workspace: Workspace) -> list[str]:
    """What a model was made from that was trained on other data: it may have seen the held-out prompts there."""
    return other_data(manifest.spec.get("data") or {}, manifest.made_from, workspace.store)
