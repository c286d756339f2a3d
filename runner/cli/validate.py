"""``runner validate``: check specs, and the tasks of ``runner evaluate``, without running them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from runner.cli.document_checks import check_documents
from runner.cli.parameters import Dash, Json


def validate(
    *files: Annotated[Path, Dash, Parameter(help="Spec files; `-`, or none, is standard input.")],
    json: Json = False,
) -> int:
    """Check specs, and tasks of `runner evaluate`: every fault at once, each with its place in the text.

    The document alone is checked. Whether the files, models and machines that it names are there, `runner train
    --dry-run` tells.

    Example: runner validate specs/quickstart.json

    Example: cat spec.json | runner validate

    Example: runner validate specs/*.json --json
    """
    return check_documents(files, as_json=json)
