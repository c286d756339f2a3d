"""What ``runner infer --help --model TYPE/NAME`` adds: the options of that model's own task, and what a row is."""

from __future__ import annotations

import json
from collections.abc import Sequence


def model_options(words: Sequence[str]) -> str:
    """The text, empty where no ``--model`` stands among the words. Raises what finding the model raises."""
    from runner import registry
    from runner.inference.opening import find_model
    from runner.workspace import Workspace

    model = next((word.partition("=")[2] for word in words if word.startswith("--model=")), None)
    if model is None:
        at = words.index("--model") + 1 if "--model" in words else len(words)
        if at >= len(words):
            return ""
        model = words[at]
    found = find_model(Workspace.current(), model)
    task = registry.task(found.model_type)
    lines = [f"{found.reference} is a model of {task.name}. Its options, by --set KEY=VALUE:"]
    for name, field in task.options.model_fields.items():
        default = field.get_default(call_default_factory=True)
        lines.append(f"  {name} (default {json.dumps(default)}): {field.description}")
    return "\n".join(lines if task.options.model_fields else [f"{found.reference} is a model of {task.name}."])
