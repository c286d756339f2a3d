"""What really trained: backend, precision, base, template, rows and adapters, as the run's lock keeps them.

A resumed run with another stamp would go on with other arithmetic, another text or other weights than it began with.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from runner.builders.language._models.fast_backend import Chosen, adapter_shape
from runner.contract import TrainContext
from runner.training.precision import Precision


def tell(spec: Any, context: TrainContext, base: Any, model: Any, chosen: Chosen) -> None:
    """Tell the stamp, by an event ``stamp`` whose fields the worker keeps."""
    stamp = {
        "backend": chosen.name,
        "backend_version": chosen.version,
        "precision": computed(spec.precision, context.device),
        "base": _base(base.folder),
        "template": _template(spec, base.tokenizer),
        "data": context.data.fingerprint,
        "adapter": adapter_shape(model),
    }
    context.emit("stamp", stamp=stamp, why=chosen.why)


def computed(precision: Precision, device: str) -> str:
    """What a forward pass computes in, by name."""
    if not device.startswith("cuda"):
        return "bfloat16" if precision == "bfloat16" else "float32"
    if precision == "auto":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return precision


def _base(folder: Path) -> str:
    """A hash of the base's configuration, its tokenizer and the names and sizes of its weights.

    The weights themselves are gigabytes: a stored base has their checksums already.
    """
    told = sha256()
    for name in ("config.json", "tokenizer.json"):
        file = folder / name
        told.update(file.read_bytes() if file.is_file() else b"")
    for file in sorted(folder.glob("*.safetensors")):
        told.update(f"{file.name} {file.stat().st_size}\n".encode())
    return told.hexdigest()


def _template(spec: Any, tokenizer: Any) -> str | None:
    """A hash of what makes tokens of a conversation; None of a kind that has none."""
    chat = getattr(spec, "chat", None)
    if chat is None:
        return None
    file = Path(chat.template)
    text = file.read_text("utf-8") if chat.template.endswith(".jinja") and file.is_file() else chat.template
    own = tokenizer.chat_template if chat.template == "tokenizer" else None
    return sha256(json.dumps([text, own]).encode()).hexdigest()
