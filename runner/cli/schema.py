"""``runner schema``: the published JSON Schema."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from runner.cli.output import Json
from runner.spec import json_schemas


def schema(
    model_type: Annotated[str | None, Parameter(help="A model type. Default: the union of all.")] = None,
    *,
    json: Json = False,
) -> None:
    """Print the JSON Schema (2020-12) of training specs, or of one model type's. It is what `validate` enforces.

    Example: runner schema

    Example: runner schema dense_network > dense_network.schema.json
    """
    # A schema is JSON already: the same document with --json and without.
    chosen = json_schemas.union() if model_type is None else json_schemas.schema_for(model_type)
    print(json_schemas.text(chosen), end="")
