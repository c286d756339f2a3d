"""The document of one kind: the envelope with ``model.spec`` and ``data`` narrowed to the kind's own sections."""

from __future__ import annotations

import json
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from runner import registry
from runner.contract import ModelSpec, option
from runner.errors import EnvironmentProblem
from runner.spec import pointers
from runner.spec.envelope import ModelSection, TrainingSpec

#: The most epochs, and the most examples of a batch: more than that is a slip, and no run ends it.
MOST = 10_000_000


def spec_class(kind: str) -> type[ModelSpec]:
    """The ``Spec`` of a kind. Raises NotFoundError for one that does not exist, EnvironmentProblem for a broken one."""
    try:
        return registry.load(kind).Spec
    except ImportError as error:
        raise EnvironmentProblem(f"the model type {kind} cannot be loaded: {error}", where=error.path) from error


def document_class(kind: str) -> type[TrainingSpec]:
    """The class of a whole document that trains ``kind``."""
    return _document_class(spec_class(kind))


def built(value: dict[str, Any], kind: str | None) -> TrainingSpec:
    """The object of a document in present spellings. Raises pydantic's ValidationError.

    What a spec that starts from a stored model says beside it is ignored: it is not checked, and not kept either.
    """
    if isinstance(pointers.get(value, "/model/start_state"), str):
        value = value | {"model": {key: item for key, item in value["model"].items() if key != "spec"}}
    model = TrainingSpec if kind is None else document_class(kind)
    return model.model_validate_json(json.dumps(value))


@cache
def _document_class(spec: type[ModelSpec]) -> type[TrainingSpec]:
    own: Any = spec | None
    text = "The kind of model and its fields. Required without `start_state`."
    model = create_model("ModelSection", __base__=ModelSection, spec=(own, option(None, description=text)))
    fields: dict[str, Any] = {
        "model": (model, option(description="What is trained, and what it is called.")),
        "data": (spec.data, _data_option(spec)),
    }
    if spec.uses_epochs:
        default: Any = ... if spec.default_epochs is None else spec.default_epochs
        text = "How often to go over the data."
        fields["epochs"] = (int, option(default, ge=1, le=MOST, description=text, resume="free"))
    else:
        text = "How often to go over the data: ignored, this kind does not go over it in epochs."
        fields["epochs"] = (int, option(0, ge=0, description=text, resume="free"))
    if spec.uses_batch_size:
        default = ... if spec.default_batch_size is None else spec.default_batch_size
        fields["batch_size"] = _batch_size(spec, default)
    else:
        text = "How many examples make a step: ignored, this kind does not train in batches."
        fields["batch_size"] = (int, option(0, ge=0, description=text, resume="free"))
    return create_model("TrainingSpec", __base__=TrainingSpec, __doc__=spec.__doc__, **fields)


def _batch_size(spec: type[ModelSpec], default: Any) -> tuple[Any, Any]:
    if not spec.takes_auto_batch_size:
        return int, option(default, ge=1, le=MOST, description="How many examples make a step.")
    text = (
        "How many examples go through the model at a time; gradient_accumulation of them make a step. auto finds how "
        f"many there is memory for: a step has {spec.default_batch_size} times gradient_accumulation examples then."
    )
    return Annotated[int, Field(ge=1, le=MOST)] | Literal["auto"], option(default, description=text)


def _data_option(spec: type[ModelSpec]) -> Any:
    description = "What the model is trained on."
    if any(field.is_required() for field in spec.data.model_fields.values()):
        return option(description=description)
    return option(factory=spec.data, description=description)
