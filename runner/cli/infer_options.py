"""What ``runner infer --help --model TYPE/NAME`` adds: the options of that model's own task, and what a row is."""

from __future__ import annotations

import json
from collections.abc import Sequence


def value_of(flag: str, words: Sequence[str]) -> str | None:
    """What follows a flag on a command line that is not parsed yet."""
    joined = next((word.partition("=")[2] for word in words if word.startswith(f"{flag}=")), None)
    if joined is not None or flag not in words:
        return joined
    after = words[words.index(flag) + 1 :]
    return after[0] if after else None


def model_options(words: Sequence[str]) -> str:
    """The text, empty where no ``--model`` stands among the words. Raises what finding the model raises."""
    from runner import registry
    from runner.inference.opening import find_model
    from runner.workspace import Workspace

    model = value_of("--model", words)
    if model is None:
        return ""
    found = find_model(Workspace.current(), model)
    task = registry.task(found.model_type)
    lines = [f"{found.reference} is a model of {task.name}. Its options, by --set KEY=VALUE:"]
    for name, field in task.options.model_fields.items():
        default = field.get_default(call_default_factory=True)
        lines.append(f"  {name} (default {json.dumps(default)}): {field.description}")
    return "\n".join(lines if task.options.model_fields else [f"{found.reference} is a model of {task.name}."])
