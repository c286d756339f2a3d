"""Who needs a stored model: models that were made from it, runs that go on from it, an upload, an unfinished inference.

What is told is what the documents say: manifests, plans, the outbox, the work beside outputs of this workspace.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.errors import EnvironmentProblem, IntegrityError, NotFoundError, RunnerError
from runner.execution.plan_document import PlanDocument
from runner.runs.run_folder import State, all_runs
from runner.store import upload_queue
from runner.store.manifest import NAME, ModelFacts
from runner.store.model_lookup import StoredModel, find, listing
from runner.workspace import Workspace

#: States that a run is not gone on with from.
CLOSED = (State.SUCCEEDED, State.CANCELLED)


@dataclass(frozen=True)
class Need:
    """One that needs a stored model."""

    #: Who it is and what for: a sentence about the model.
    why: str
    #: What ends the need.
    hint: str
    #: The stored model that needs it, where it is one.
    model: str | None = None


def needs(workspace: Workspace) -> dict[str, list[Need]]:
    """Everything that is needed, by ``type/name/vN``.

    Raises :class:`EnvironmentProblem` where something may not be looked into, :class:`IntegrityError` for a damaged
    entry of the outbox: then nobody can tell.
    """
    found: dict[str, list[Need]] = {}
    # Runs come first: what one has stored meanwhile is a model by then, and else it is open still.
    for each in (_runs(workspace), _models(workspace), _uploads(workspace), _inferences(workspace)):
        for reference, need in each:
            found.setdefault(_versioned(workspace, reference), []).append(need)
    return found


def _runs(workspace: Workspace) -> Iterator[tuple[str, Need]]:
    for run in all_runs(workspace.runs):
        try:
            state: str = run.state().state
        except IntegrityError:
            state = "damaged"
        except NotFoundError:
            # It is being removed at this moment.
            continue
        if state in CLOSED:
            continue
        try:
            plan = run.read("plan", PlanDocument)
        except IntegrityError:
            continue
        if plan is None:
            continue
        named = {"start_state": plan.parent} | plan.references
        hint = (
            f"let it end: runner runs logs {run.id} --follow"
            if state == State.RUNNING
            else f"runner train --resume {run.id}, or close it: runner runs remove {run.id} --yes"
        )
        for field, reference in named.items():
            if reference:
                yield reference, Need(f"the run {run.id} ({state}) needs it as its {field}", hint)


def _models(workspace: Workspace) -> Iterator[tuple[str, Need]]:
    closed: list[EnvironmentProblem] = []
    for model in listing(workspace.store, closed):
        for field, reference in made_from(model).items():
            why = f"{model.reference} was made from it ({field})"
            yield reference, Need(why, f"remove that too: runner models remove {model.reference}", model.reference)
    if closed:
        raise closed[0]


def made_from(model: StoredModel) -> dict[str, str]:
    """The stored models that a manifest names, by the spec's field; of a damaged one what can be read."""
    try:
        document = json.loads((model.path / NAME).read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    except PermissionError as error:
        raise EnvironmentProblem(
            "cannot be read, so nobody can tell which models it needs", where=str(model.path), hint="ask its owner"
        ) from error
    if not isinstance(document, dict):
        return {}
    facts = ModelFacts.from_document(document, lenient=True)
    return ({"start_state": facts.parent} if facts.parent else {}) | dict(facts.references)


def _uploads(workspace: Workspace) -> Iterator[tuple[str, Need]]:
    for entry in upload_queue.entries(workspace.outbox):
        if entry.state != "done":
            why = f"it waits for its upload to {entry.project} ({entry.state})"
            file = workspace.outbox / f"{entry.id}.json"
            yield entry.model, Need(why, f"runner artifacts push; where it is not wanted any more, remove {file}")


def _inferences(workspace: Workspace) -> Iterator[tuple[str, Need]]:
    for state in sorted(workspace.outputs.glob("*.partial/state.json")):
        try:
            reference = json.loads(state.read_bytes())["facts"]["stored model"][0]
        except (OSError, ValueError, LookupError, TypeError):
            continue
        if isinstance(reference, str):
            output = state.parent.with_suffix("")
            why = f"the unfinished inference {output} goes on with it"
            yield reference, Need(why, f"finish it, or remove {state.parent}")


def _versioned(workspace: Workspace, reference: str) -> str:
    """A reference with its version: one without means the newest."""
    if reference.count("/") == 2:
        return reference
    try:
        return find(workspace.store, reference).reference
    except RunnerError:
        return reference


def upload_of(workspace: Workspace, run: Path) -> Need | None:
    """The upload that still reads a run's directory, None where none does."""
    for entry in upload_queue.entries(workspace.outbox):
        if entry.state != "done" and entry.run_dir is not None and Path(entry.run_dir) == run.absolute():
            why = f"the upload of {entry.model} to {entry.project} reads it ({entry.state})"
            return Need(why, "runner artifacts push")
    return None
