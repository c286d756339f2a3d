"""The stored models that a spec names: the one to start from, and those of its kind's own fields."""

from __future__ import annotations

from runner import registry
from runner.errors import ConflictError, RunnerError
from runner.spec.checking import LoadedSpec, for_kind, load_object
from runner.spec.envelope import TrainingSpec
from runner.store.manifest import NAME
from runner.store.model_lookup import StoredModel, open_verified
from runner.workspace import Workspace


def resolve_start_state(loaded: LoadedSpec, workspace: Workspace) -> tuple[TrainingSpec, StoredModel | None, list[str]]:
    """Fill in ``model.spec`` from the stored model that ``start_state`` names; the document's own is ignored."""
    if loaded.spec.model.start_state is None:
        return loaded.spec, None, []
    try:
        model, manifest = open_verified(workspace.store, loaded.spec.model.start_state, workspace.cache)
    except RunnerError as error:
        error.where = f"/model/start_state ({error.where})" if error.where else "/model/start_state"
        raise
    # The document is checked again as one of that kind, so that a fault in `data` or `epochs` still has its place.
    spec = for_kind(loaded, model.model_type).spec
    stored = load_object(manifest.spec, source=str(model.path / NAME)).spec.model.spec
    section = spec.model.model_copy(update={"spec": stored, "start_state": None})
    notes = [f"starting from {model.reference}"]
    if manifest.extension:
        notes.append(
            f"{manifest.extension.get('llm')} joined {model.reference} without training: the training begins from what "
            f"{manifest.extension.get('from')} was, and knows the LLMs of its data"
        )
    return spec.model_copy(update={"model": section}), model, notes


def resolve_references(spec: TrainingSpec, workspace: Workspace) -> dict[str, StoredModel]:
    """The stored models that the kind's own fields name, by field, each checked to be what the field needs."""
    section = spec.model.spec
    assert section is not None
    found = {}
    for name, reference in section.stored_models().items():
        needed = section.needed(name)
        where = f"/model/spec/{name}"
        try:
            model, _ = open_verified(workspace.store, reference, workspace.cache)
        except RunnerError as error:
            error.where = f"{where} ({error.where})" if error.where else where
            if reference in (spec.model.name, f"{section.model_type}/{spec.model.name}"):
                error.hint = "the spec names the model that it makes: name one that is stored, or leave the field out"
            raise
        if needed.task is not None and (task := registry.task(model.model_type).name) != needed.task:
            raise ConflictError(
                f"{model.reference} is a model of {task}, and a model of {needed.task} is needed", where=where
            )
        if needed.folder is not None and not (model.path / needed.folder).is_dir():
            raise ConflictError(
                f"{model.reference} has no {needed.folder.replace('_', ' ')}: {model.model_type} makes none",
                where=where,
                hint="name a model of a type with an embedding_spec",
            )
        found[name] = model
    return found
