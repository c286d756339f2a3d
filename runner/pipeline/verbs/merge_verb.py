"""``merge``: an adapter into its base, once: a version that an attempt before has stored is found again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner import registry
from runner.errors import ConflictError
from runner.inference.merged_model import merge
from runner.pages.table_text import as_text
from runner.pipeline.loaded_pipeline import LoadedStep
from runner.pipeline.step_store import begin, begun
from runner.pipeline.verbs import Result, Work, external
from runner.store.model_lookup import find, versions
from runner.workspace import Workspace

GOES_ON = True


def inputs(step: LoadedStep, told: Any, workspace: Workspace) -> Mapping[str, Any]:
    """The adapter by its version."""
    if not external(step, ("model",)):
        return {}
    return {"model": find(workspace.store, told["model"]).reference}


def check(step: LoadedStep, workspace: Workspace, executor: str | None) -> None:
    """That the model's kind stores adapters at all, and that the step before stores one."""
    made = step.kinds.get(("model",))
    kind = made or (find(workspace.store, step.body["model"]).model_type if external(step, ("model",)) else None)
    if kind is None:
        return
    spec = step.specs.get(("model",))
    saved = getattr(spec.spec.model.spec, "save_as", None) if spec is not None else "adapter"
    if "save_as" not in registry.load(kind).Spec.model_fields:
        raise ConflictError(f"a {kind} has no adapter to merge", where="/model", hint="take the step out")
    if saved != "adapter":
        raise ConflictError(
            f"the model is stored as {saved!r}, and stands alone already",
            where="/model",
            hint='take the step out, or train with "save_as": "adapter"',
        )


def carry_out(work: Work) -> Result:
    """Merge, and store."""
    told = work.told
    adapter = find(work.workspace.store, told["model"])
    name = told.get("name") or f"{adapter.name}-merged"
    there = [model.reference for model in versions(work.workspace.store, adapter.model_type, name)]
    before = begun(work.folder).get("there")
    if before is not None:
        # Cut off after the model was stored, and before that was written down.
        for model in versions(work.workspace.store, adapter.model_type, name):
            if model.reference not in before and model.manifest().merged_from == adapter.reference:
                return Result(f"stored as {model.reference}", model=model.reference)
    begin(work.folder, {"there": there})
    done = merge(
        work.workspace,
        adapter.reference,
        told.get("name"),
        dtype=told.get("dtype"),
        say=lambda text: work.watching.say(f"warning: {text}"),
    )
    work.watching.say(as_text(done.agreement))
    return Result(f"stored as {done.stored.reference}", model=done.stored.reference, facts=done.as_dict())
