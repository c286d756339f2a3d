"""The card of a model that brings none: what its manifest says, as the Hub's ``README.md``."""

from __future__ import annotations

import json

from runner import registry
from runner.errors import RunnerError
from runner.pages.harmless_text import clean
from runner.pages.numbers import number
from runner.store.manifest import Manifest

CARD = "README.md"


def card(manifest: Manifest) -> str:
    """The text."""
    try:
        builder = registry.load(manifest.model_type)
        what, measures = (builder.__doc__ or "").strip().partition("\n")[0], builder.TASK.measures
    except (RunnerError, ImportError):
        # A kind of a package that is not installed here.
        what, measures = manifest.model_type, ()
    head = {"library_name": "runner", "tags": ["runner", manifest.model_type]}
    figures = [(each.label, number(manifest.metrics.get(each.metric), each.decimals)) for each in measures]
    lines = [f"| {label} | {figure} |" for label, figure in figures]
    place = f"{manifest.model_type}/{manifest.name}"
    head_lines = "\n".join(f"{key}: {json.dumps(value)}" for key, value in head.items())
    told = (
        f"{clean(what)} Trained by `runner`, as {clean(place)}; `manifest.json` has the spec, the packages and "
        "the checksums of every file."
    )
    parts = [
        f"---\n{head_lines}\n---",
        f"# {clean(manifest.name)}",
        told,
        "\n".join(["| | |", "|---|---:|", *lines]),
        "```bash\nrunner infer --model ./FOLDER\n```",
    ]
    return "\n\n".join(parts) + "\n"
