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
from runner.store.manifest import ModelFacts
from runner.store.model_lookup import StoredModel
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

    def as_dict(self) -> dict[str, Any]:
        """The ``--json`` document."""
        return {
            "model": self.stored.reference,
            "path": str(self.stored.path),
            "merged_from": self.adapter,
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
