"""What the model card of a model that turns texts into others says of its use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.builders._finetuning import finetuned_card
from runner.builders.text._targets.writing_settings import written_as
from runner.contract import Task


def write(folder: Path, spec: Any, base: str, task: Task, metrics: Mapping[str, Any]) -> None:
    """Write it into the model's folder. ``spec`` is the kind's own, ``base`` the name of its base."""
    adapter = spec.save_as == "adapter"
    auto = "AutoModelForSeq2SeqLM.from_pretrained"
    model = f'PeftModel.from_pretrained({auto}("BASE"), folder)' if adapter else f"{auto}(folder)"
    languages = {"src_lang": spec.source_language, "tgt_lang": spec.target_language}
    words = "".join(f', {name}="{code}"' for name, code in languages.items() if code)
    # An adapter's folder has no generation_config of its own.
    settings = "".join(f", {name}={value}" for name, value in written_as(spec).items()) if adapter else ""
    code = [
        *(["from peft import PeftModel"] if adapter else []),
        "from transformers import AutoModelForSeq2SeqLM, AutoTokenizer",
        "",
        'folder = "."  # this folder, or the name of its repository',
        f"model = {model}",
        f"tokenizer = AutoTokenizer.from_pretrained(folder{words})",
        f'ids = tokenizer({(spec.source_prefix + "The source.")!r}, return_tensors="pt")',
        f"print(tokenizer.decode(model.generate(**ids{settings})[0], skip_special_tokens=True))",
    ]
    behind = f", behind {spec.source_prefix!r}" if spec.source_prefix else ""
    told = [
        f"sources of at most {spec.max_length:,} tokens{behind}",
        f"targets of at most {spec.max_target_length:,} tokens",
    ]
    finetuned_card.write(folder, spec, base, task, metrics, pipeline="text2text-generation", code=code, told=told)
