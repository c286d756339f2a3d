"""Opening a folder that holds a whole language model: its configuration checked, its weights and tokenizer read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import torch

from runner.errors import DataError, NotFoundError
from runner.training import quantised, quiet_libraries
from runner.training.encoder_settings import model_files
from runner.training.pretrained_tokenizer import read_tokenizer

#: What the last layer gives: the odds of every token, or one score of the whole.
Head = Literal["tokens", "score"]


def configuration(folder: Path, where: str) -> dict[str, Any]:
    """The model's configuration. Raises :class:`DataError` for a folder whose model is no causal language model."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as KNOWN

    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except FileNotFoundError:
        raise NotFoundError("the folder holds no model: config.json is missing", where=f"{where}: {folder}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"config.json cannot be read: {error}", where=f"{where}: {folder}") from None
    kind = config.get("model_type")
    named = " ".join(config.get("architectures") or [])
    if kind not in KNOWN or ("CausalLM" not in named and "LMHead" not in named and named):
        raise DataError(
            f"is no causal language model: config.json says {named or kind or 'nothing of it'}",
            where=f"{where}: {folder}",
            hint="name a model that goes on with texts, such as HuggingFaceTB/SmolLM2-135M-Instruct",
        )
    model_files(folder)
    return dict(config)


def stored_dtype(config: dict[str, Any]) -> torch.dtype:
    """The dtype of the base's weights, as its configuration says; float32 where it says nothing."""
    name = config.get("dtype") or config.get("torch_dtype") or "float32"
    return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(str(name), torch.float32)


def open_folder(folder: Path, device: str, head: Head = "tokens", where: str = "") -> tuple[Any, Any]:
    """Model (float32, on ``device``, in evaluation mode) and tokenizer of a whole model's folder."""
    tokenizer = open_tokenizer(folder, where)
    model = open_weights(folder, device, head)
    model.config.pad_token_id = tokenizer.pad_token_id
    return model, tokenizer


def open_tokenizer(folder: Path, where: str) -> Any:
    """The tokenizer, with a token to pad with. Raises :class:`DataError` for one that cannot be read."""
    tokenizer = read_tokenizer(folder, where)
    if tokenizer.pad_token_id is None:
        # Behind a mask it is never read; a tokenizer has to have one to make a batch.
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token_id is None:
        raise DataError("the tokenizer has no token that ends a text", where=f"{where}: {folder}")
    return tokenizer


def open_weights(folder: Path, device: str, head: Head = "tokens", quantization: Any = None) -> Any:
    """The model in float32, on ``device``, in evaluation mode."""
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    words: dict[str, Any] = {"num_labels": 1} if head == "score" else {}
    if quantization is not None:
        words |= {"quantization_config": quantization, "device_map": {"": device}}
    auto: Any = AutoModelForCausalLM if head == "tokens" else AutoModelForSequenceClassification
    with quiet_libraries.quietly():
        try:
            model = auto.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                attn_implementation="sdpa",
                **words,
            )
        except (ImportError, NotImplementedError, RuntimeError) as error:
            if quantization is None or isinstance(error, torch.OutOfMemoryError):
                raise
            raise quantised.refused(error, "/model/spec/finetuning_spec") from error
    return model.eval() if quantization is not None else model.to(device).eval()
