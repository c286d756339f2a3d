"""The model card of a trained language model: ``README.md``, as the Hub reads it.

It says nothing of the machine, nor of when: the same training writes the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner import registry
from runner.builders._finetuning.finetuned_card import figure, hub_name
from runner.contract import Task

NAME = "README.md"


def write(folder: Path, spec: Any, name: str, task: Task, metrics: Mapping[str, Any]) -> None:
    """Write the card into a model's folder, over one that a library has put there.

    ``spec`` is the kind's own, ``name`` its base's as the model knows it, ``metrics`` what was measured.
    """
    (folder / NAME).write_text(card(spec, name, task, metrics), "utf-8")


def card(spec: Any, name: str, task: Task, metrics: Mapping[str, Any]) -> str:
    """The text."""
    adapter, method = spec.save_as == "adapter", spec.finetuning_spec.method
    scores = task.name == "reward"
    facts: dict[str, Any] = {
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": "text-classification" if scores else "text-generation",
        "tags": [spec.model_type, method],
    }
    if base := hub_name(name, spec):
        facts |= {"base_model": base, "base_model_relation": "adapter" if adapter else "finetune"}
    head = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items())
    what = (registry.load(spec.model_type).__doc__ or "").strip().partition("\n")[0]
    known = [measure for measure in task.measures if metrics.get(measure.metric) is not None]
    rows = [f"| {measure.label} | {figure(metrics, measure)} |" for measure in known]
    counts = [
        f"{label}: {metrics[key]:,}"
        for key, label in (("n_train", "rows learned"), ("n_validation", "rows held out"),
                           ("trained_tokens", "tokens learned from, an epoch"))
        if isinstance(metrics.get(key), int)
    ]  # fmt: skip
    chat = getattr(spec, "chat", None)
    told = [
        f"- base: {base or _elsewhere(name)}" + (f", revision `{spec.revision}`" if base and spec.revision else ""),
        f"- trained by: `{spec.model_type}`, method `{method}`" + (", stored as an adapter" if adapter else ""),
        *_taught(spec),
        f"- rows of at most {spec.max_length:,} tokens" + (f", chat template `{_template(chat)}`" if chat else ""),
        *(f"- {line}" for line in counts),
    ]
    parts = [
        f"---\n{head}\n---",
        f"# {what.rstrip('.')}",
        "\n".join(told),
        "## Measured on the rows held out",
        "\n".join(["| | |", "|---|---:|", *rows]) if rows else "No rows were held out: nothing was measured.",
        "## How to use it",
        *([_find_base(name, bool(spec.stored_models()))] if adapter and not base else []),
        f"```python\n{_code(adapter, base or 'PATH_OF_THE_BASE', scores, chat is not None)}\n```",
        "What it was not trained on, it was not measured on either: try it on your own rows before you rely on it.",
    ]
    return "\n\n".join(parts) + "\n"


def _taught(spec: Any) -> list[str]:
    """Who taught it, where somebody did: a model by its name, an endpoint by that of its model."""
    taught = spec.taught() if hasattr(spec, "taught") else None
    if taught is None:
        return []
    teacher, learned = taught.teacher, "odds" if taught.by_logits() else "answers"
    name = getattr(teacher, "model_name", None) or getattr(teacher, "model", None)
    if name is None:
        return [f"- taught by {learned} of a file"]
    return [f"- taught by {learned} of `{Path(name).name if Path(name).is_absolute() else name}`"]


def _elsewhere(name: str) -> str:
    # Where a folder lies is its owner's business.
    return f"`{Path(name).name if Path(name).is_absolute() else name}`, which is not on the Hub"


def _find_base(name: str, stored: bool) -> str:
    place = f", `{name}` below the folder of stored models" if stored else ""
    return (
        "The base is not on the Hub, and PEFT does not find it by its name: `PATH_OF_THE_BASE` is its folder"
        f"{place}. `runner merge` makes one model of both, which needs no base."
    )


def _template(chat: Any) -> str:
    return Path(chat.template).name


def _code(adapter: bool, base: str, scores: bool, chat: bool) -> str:
    auto = "AutoModelForSequenceClassification" if scores else "AutoModelForCausalLM"
    words = ", num_labels=1" if scores and adapter else ""
    lines = [f"from transformers import {auto}, AutoTokenizer"]
    if adapter:
        lines = ["from peft import PeftModel", *lines]
    lines += ["", 'folder = "."  # this folder, or the name of its repository']
    if adapter:
        lines.append(f'model = PeftModel.from_pretrained({auto}.from_pretrained("{base}"{words}), folder)')
    else:
        lines.append(f"model = {auto}.from_pretrained(folder)")
    lines.append("tokenizer = AutoTokenizer.from_pretrained(folder)")
    if not chat:
        lines += ['ids = tokenizer("Once upon a time", return_tensors="pt")']
    elif scores:
        lines += [
            'turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]',
            "# The score is read at the end of the answer's turn: a template may write a line's end behind it.",
            "text = tokenizer.apply_chat_template(turns, tokenize=False).rstrip()",
            'ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")',
        ]
    else:
        lines += [
            'turns = [{"role": "user", "content": "Hi"}]',
            "ids = tokenizer.apply_chat_template(",
            '    turns, add_generation_prompt=True, return_tensors="pt", return_dict=True',
            ")",
        ]
    if scores:
        return "\n".join([*lines, "print(model(**ids).logits[0, 0].item())"])
    return "\n".join([*lines, "print(tokenizer.decode(model.generate(**ids, max_new_tokens=64)[0]))"])
