"""The model of the best trial, stored under the base spec's own name."""

from __future__ import annotations

import contextlib
from dataclasses import fields

from runner.errors import NotFoundError
from runner.execution import removal_rules
from runner.store import version_deletion
from runner.store.manifest import ModelFacts
from runner.store.model_lookup import StoredModel, find
from runner.store.model_storing import promote
from runner.sweeps.journal import Record, TrialState
from runner.workspace import Workspace


def promote_best(record: Record, name: str, workspace: Workspace) -> StoredModel | None:
    """Store the best trial's model as the newest version of ``name``; None where no trial is complete, or none is the
    best alone, by two metrics.

    A second time it is the version that it was. Its files are shared with the trial's where the file system can.
    Raises :class:`~runner.errors.NotFoundError` where the trial's model was removed.
    """
    best = record.best()
    if best is None or best.model is None:
        return None
    found = find(workspace.store, best.model)
    manifest = found.manifest()
    facts = ModelFacts(**{each.name: getattr(manifest, each.name) for each in fields(ModelFacts)})
    return promote(workspace.store, found.model_type, name, found.path, facts)


def remove_others(record: Record, workspace: Workspace) -> list[str]:
    """Remove the models of complete trials that are not the best (of two metrics: not on the front), but for those that
    something needs.

    Returns a sentence for each that stays, and one for what went.
    """
    front = {trial.number for trial in record.front()}
    others: list[StoredModel] = []
    for trial in record.trials.values():
        if trial.state is TrialState.COMPLETE and trial.number not in front and trial.model is not None:
            with contextlib.suppress(NotFoundError):  # removed already
                others.append(find(workspace.store, trial.model))
    decided = removal_rules.of_models(workspace, others)
    for going in decided.going:
        assert isinstance(going.item, StoredModel)
        version_deletion.remove(workspace.store, going.item)
    said = [f"{kept.name} stays: {kept.why}" for kept in decided.kept]
    if decided.going:
        said.append(f"{len(decided.going)} models of other trials were removed: keep_models is best")
    return said
