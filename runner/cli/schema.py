"""``runner schema``: the published JSON Schema."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from runner.cli.parameters import Json
from runner.spec import json_schemas


def schema(
    model_type: Annotated[
        str | None,
        Parameter(
            help="A model type, or another document: evaluation-task, backends, pipeline, batch, sweep. Default: the "
            "union of all model types."
        ),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Print the JSON Schema (2020-12) of training specs, of one model type's, or of other documents.

    It is what `validate` enforces, `evaluate` of its tasks (evaluation-task), and `serve --backends` (backends).

    Example: runner schema

    Example: runner schema dense_network > dense_network.schema.json
    """
    # A schema is JSON already: the same document with --json and without.
    if model_type in json_schemas.OTHERS:
        chosen = json_schemas.other(model_type)
    else:
        chosen = json_schemas.union() if model_type is None else json_schemas.schema_for(model_type)
    print(json_schemas.text(chosen), end="")
