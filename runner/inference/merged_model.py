"""``runner merge``: a stored adapter and its base become a stored model that stands alone."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from runner.contract import Table
from runner.errors import ConflictError, RunnerError, UsageError
from runner.inference.opening import open_model
from runner.store.manifest import ModelFacts, describe_files, verify
from runner.store.model_lookup import StoredModel, versions
from runner.store.model_storing import check_store, promote
from runner.store.names import name_fault
from runner.workspace import Workspace


@dataclass(frozen=True)
class Merged:
    """The model that stands alone, and how far its answers are from the adapter's."""

    stored: StoredModel
    #: The adapter, ``type/name/vN``.
    adapter: str
    agreement: Table
    #: Whether it is a version that was there already, of the same bytes.
    again: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The ``--json`` document."""
        return {
            "model": self.stored.reference,
            "path": str(self.stored.path),
            "merged_from": self.adapter,
            "already_stored": self.again,
            "agreement": self.agreement.as_dict(),
        }


def merge(
    workspace: Workspace,
    reference: str,
    name: str | None = None,
    *,
    dtype: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Merged:
    """Store a whole model, called ``name`` or ``<the adapter's>-merged``, in ``dtype`` or its base's own.

    One that a merge of the same adapter stored before, with the same bytes, is that one, and no version is added.
    Raises :class:`ConflictError` for a model without an adapter, and what opening it and its base raises.
    """
    opened = open_model(workspace, reference)
    kind = opened.stored.model_type
    name = name if name is not None else f"{opened.stored.name}-merged"
    if fault := name_fault(name):
        raise UsageError(f"the name {fault}", where="--name", hint="name it otherwise")
    merge_into = getattr(opened.predictor_class, "merge", None)
    if merge_into is None:
        raise _not_merged(opened)
    check_store(workspace.store, kind, name)
    spec = dict(opened.manifest.spec)
    own = opened.builder.Spec.model_validate_json(json.dumps(spec["model"]["spec"]))
    with tempfile.TemporaryDirectory(prefix=".merging-", dir=workspace.store) as scratch:
        target = Path(scratch) / "model"
        try:
            table = merge_into(
                opened.path,
                target,
                own,
                task=opened.task,
                metrics=opened.manifest.metrics,
                dtype=dtype,
                cache=workspace.cache,
                say=say,
            )
        except RunnerError as error:
            error.where = error.where or opened.reference
            raise
        if (before := _stored_before(workspace, kind, name, target, opened.reference, say)) is not None:
            return Merged(before, opened.reference, table, again=True)
        model = {"name": name, "spec": {**spec["model"]["spec"], "save_as": "whole"}}
        merged = ModelFacts(**{each.name: getattr(opened.manifest, each.name) for each in fields(ModelFacts)})
        stored = promote(
            workspace.store,
            kind,
            name,
            target,
            replace(
                merged,
                run=None,
                created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                spec={**spec, "model": {**spec["model"], **model}},
                tables={**merged.tables, table.name: table.as_dict()},
                merged_from=opened.reference,
            ),
            move=True,
            say=say,
        )
    return Merged(stored, opened.reference, table)


def _not_merged(opened: Any) -> ConflictError:
    """Why a model of a kind that merges nothing stays as it is, and what gives a whole one."""
    kind = opened.stored.model_type
    if "save_as" not in opened.builder.Spec.model_fields:
        return ConflictError(
            f"{opened.reference} is a {kind}, which has no adapter", hint="adapters are what `save_as` of sft stores"
        )
    if opened.manifest.spec["model"]["spec"].get("save_as") != "adapter":
        return ConflictError(
            f"{opened.reference} is a whole model: it stands alone already",
            hint="`runner models export` writes its folder",
        )
    return ConflictError(
        f"{opened.reference} is an adapter, and one of a {kind} is put into its base when it is trained, not later",
        hint='train its spec anew with "save_as": "whole"; beside its base it answers as it is',
    )


def _stored_before(
    workspace: Workspace, kind: str, name: str, made: Path, adapter: str, say: Callable[[str], None]
) -> StoredModel | None:
    """The version that has the files that were made, and is whole, of those that are merged from the same adapter."""
    files = describe_files(made)
    for model in reversed(versions(workspace.store, kind, name)):
        try:
            manifest = model.manifest()
            if manifest.merged_from != adapter:
                continue
            if manifest.files == files:
                verify(model.path, workspace.cache)
                return model
        except RunnerError:
            # One that is damaged is no reason not to store it anew.
            continue
        say(f"{model.reference} was merged from {adapter} before, and has other bytes: a version is added")
        break
    return None
