"""The model card of a fine-tuned model: ``README.md``, as the Hub reads it.

It says nothing of the machine, nor of when: the same training writes the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner import registry
from runner.contract import Measure, Task
from runner.pages.numbers import number
from runner.training import made_models

NAME = "README.md"
COUNTS = (("n_train", "rows learned"), ("n_validation", "rows held out"))
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def write(
    folder: Path,
    spec: Any,
    base_name: str,
    task: Task,
    metrics: Mapping[str, Any],
    *,
    pipeline: str,
    code: Sequence[str],
    library: str = "transformers",
    told: Sequence[str] = (),
) -> None:
    """Write the card into a model's folder, over one that a library has put there.

    ``base_name`` is the base's as the model knows it, ``pipeline`` the Hub's word for what it does, ``code`` the lines
    that use it (``BASE`` in them is the base's name), ``told`` more to say of the training.
    """
    adapter, method = spec.save_as == "adapter", spec.finetuning_spec.method
    facts: dict[str, Any] = {
        "library_name": "peft" if adapter else library,
        "pipeline_tag": pipeline,
        "tags": [spec.model_type, method],
    }
    base = hub_name(base_name, spec)
    if base:
        facts |= {"base_model": base, "base_model_relation": "adapter" if adapter else "finetune"}
    head = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items())
    what = (registry.load(spec.model_type).__doc__ or "").strip().partition("\n")[0]
    # Where a folder lies is its owner's business.
    elsewhere = f"`{Path(base_name).name if Path(base_name).is_absolute() else base_name}`, which is not on the Hub"
    lines = [
        f"- base: {base or elsewhere}" + (f", revision `{spec.revision}`" if base and spec.revision else ""),
        f"- trained by: `{spec.model_type}`, method `{method}`" + (", stored as an adapter" if adapter else ""),
        *(f"- {line}" for line in told),
        *(f"- {label}: {metrics[key]:,}" for key, label in COUNTS if isinstance(metrics.get(key), int)),
    ]  # fmt: skip
    known = [measure for measure in task.measures if metrics.get(measure.metric) is not None]
    rows = [f"| {measure.label} | {figure(metrics, measure)} |" for measure in known]
    shown = "\n".join(code).replace("BASE", base or "PATH_OF_THE_BASE")
    parts = [
        f"---\n{head}\n---",
        f"# {what.rstrip('.')}",
        "\n".join(lines),
        "## Measured on the rows held out",
        "\n".join(["| | |", "|---|---:|", *rows]) if rows else "No rows were held out: nothing was measured.",
        "## How to use it",
        f"```python\n{shown}\n```",
        "What it was not trained on, it was not measured on either: try it on your own rows before you rely on it.",
    ]
    (folder / NAME).write_text("\n\n".join(parts) + "\n", "utf-8")


def hub_name(name: str, spec: Any) -> str | None:
    """The base as the Hub knows it; None for a folder, a stored model, and one that is made here."""
    own = spec.stored_base() or name in made_models.DRAWN or name != spec.base_model_name
    return name if not own and _HUB_NAME.fullmatch(name) else None


def figure(metrics: Mapping[str, Any], measure: Measure) -> str:
    """A measured figure with its interval, as a card shows it."""
    value = number(metrics[measure.metric], measure.decimals)
    low, high = metrics.get(measure.low), metrics.get(measure.high)
    if not measure.interval or low is None or high is None:
        return value
    return f"{value} [{number(low, measure.decimals)}, {number(high, measure.decimals)}]"
