"""Which group a field is asked in. A group is made of fields as the published schema has them; none is left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runner.spec import pointers
from runner.spec.schema_walk import resolve

Schema = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """Fields that are gone through together, when a person wants to."""

    name: str
    title: str


#: The groups of fields that nobody has to answer, in the order in which they are offered.
GROUPS = (
    Group("reading", "Reading the data"),
    Group("training", "Training"),
    Group("hyperparameters", "Hyperparameters"),
    Group("adapters", "Which weights are trained (adapters)"),
    Group("own", "What this kind has of its own"),
    Group("evaluation", "Evaluation"),
    Group("hub", "The Hugging Face Hub"),
    Group("tracking", "Tracking"),
    Group("run", "Where it runs"),
)

#: What is the wizard's matter, or says nothing about the training: asked nowhere.
NOT_ASKED = {"/$schema", "/spec_version", "/jar_base_path", "/model/spec/model_type"}
#: Names of models to start from, in the kinds that have one; the first that a kind has is asked as its model.
MODEL_FIELDS = ("base_model_name", "transformer_model_name", "embedding_model_name")
#: Fields of ``data`` that say which rows are held out.
SPLIT_FIELDS = ("validation_split", "validation_data", "split_column", "group_column", "time_column")

_SECTIONS = {"/hub": "hub", "/wandb": "tracking", "/log": "tracking", "/run": "run"}
_NAMES = {
    "training": {
        "epochs", "batch_size", "max_steps", "precision", "gradient_accumulation", "gradient_checkpointing",
        "early_stopping", "keep", "save_as", "seed", "start_state", "embedding_model_epochs", "warmup_epochs",
        "balance_model_samples", "base_model", "load_embedding_model_from", "folds",
    },
    "hyperparameters": {
        "optimizer", "schedule", "learning_rate", "max_grad_norm", "dropout", "l2", "label_smoothing", "max_depth",
        "colsample_bytree", "colsample_bylevel", "reg_alpha", "reg_lambda", "hidden_dims", "max_length", "learner",
        "regularization", "neftune_noise_alpha", "scoring_head_lr_multiplier", "class_weights",
    },
    "adapters": {"finetuning_spec"},
    "evaluation": {"evaluation", "cross_validation", "diagnostics", "importance_repeats", "bootstrap_samples"},
}  # fmt: skip


def is_column(name: str) -> bool:
    """Whether a field of ``data`` names columns, and not how rows are held out."""
    return name == "columns" or (name.endswith(("_column", "_columns")) and name not in SPLIT_FIELDS)


def group_of(pointer: str) -> str:
    """The name of the group that a field at the top of its section belongs to."""
    first = "/" + pointers.split(pointer)[0]
    if first in _SECTIONS:
        return _SECTIONS[first]
    if first == "/data":
        return "reading"
    name = pointers.split(pointer)[-1]
    return next((group for group, names in _NAMES.items() if name in names), "own")


def own_schema(root: Schema) -> Schema:
    """The schema of ``model.spec``, of the kind that a schema is of."""
    return resolve(root["$defs"]["ModelSection"]["else"]["properties"]["spec"], root)


def present(schema: Schema) -> dict[str, Schema]:
    """The properties of an object in present spellings."""
    return {
        name: field
        for name, field in schema.get("properties", {}).items()
        if not (isinstance(field, dict) and field.get("deprecated"))
    }


def top_fields(root: Schema) -> dict[str, tuple[Schema, bool]]:
    """Every field at the top of its section, by pointer, with its schema and whether it is required."""
    found: dict[str, tuple[Schema, bool]] = {}

    def add(at: str, schema: Schema, needed: set[str]) -> None:
        for name, field in present(schema).items():
            pointer = at + pointers.join((name,))
            if pointer not in NOT_ASKED:
                found[pointer] = (field, name in needed)

    model = resolve(root["properties"]["model"], root)
    data = resolve(root["properties"]["data"], root)
    own = own_schema(root)
    add("/data", data, _required(data))
    add("/model", {"properties": {k: v for k, v in model["properties"].items() if k != "spec"}}, _required(model))
    add("/model/spec", own, _required(own))
    rest = {name: field for name, field in root["properties"].items() if name not in ("model", "data")}
    add("", {"properties": rest}, _required(root))
    return found


def _required(schema: Schema) -> set[str]:
    """Names that have to be there. One with older spellings is asked for in another way by the schema."""
    needed = set(schema.get("required", ()))
    for rule in schema.get("allOf", ()):
        for option in rule.get("anyOf", ()) if isinstance(rule, dict) else ():
            named = option.get("required", ())
            needed |= set(named) & set(present(schema))
    return needed


def required(schema: Schema) -> set[str]:
    """The names that an object needs."""
    return _required(schema)


def fields_of(group: str, root: Schema) -> dict[str, tuple[Schema, bool]]:
    """The fields of one group, by pointer."""
    return {pointer: field for pointer, field in top_fields(root).items() if group_of(pointer) == group}


def field_at(root: Schema, document: Any, pointer: str) -> tuple[Schema, bool] | None:
    """The schema of a field, and whether it is required; None where a document of this kind has no such field.

    ``document`` says which branch of a union is meant on the way.
    """
    from runner.spec.schema_walk import branch

    if pointer in ("", "/model", "/data"):
        return None
    tops = top_fields(root)
    names = pointers.split(pointer)
    depth = next((n for n in range(1, len(names) + 1) if pointers.join(names[:n]) in tops), None)
    if depth is None:
        return None
    schema, needed = tops[pointers.join(names[:depth])]
    for at in range(depth, len(names)):
        value = pointers.get(document, pointers.join(names[:at]))
        if value is None:
            value = default_of(schema, root)
        inner = branch(schema, root, value if value is not None else {})
        name = names[at]
        if name in inner.get("properties", {}):
            needed = name in required(inner)
            schema = inner["properties"][name]
        elif inner.get("patternProperties"):
            schema, needed = next(iter(inner["patternProperties"].values())), False
        elif isinstance(inner.get("additionalProperties"), dict):
            schema, needed = inner["additionalProperties"], False
        else:
            return None
    return schema, needed


def default_of(schema: Schema, root: Schema) -> Any:
    """The default that the schema gives a field; None where it gives none."""
    return schema["default"] if "default" in schema else resolve(schema, root).get("default")
