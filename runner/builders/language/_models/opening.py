"""Opening a folder that holds a whole language model: its configuration checked, its weights and tokenizer read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from runner.errors import DataError, NotFoundError
from runner.training import quantised, quiet_libraries
from runner.training.pretrained_tokenizer import read_tokenizer
from runner.training.sentence_encoder_settings import TOKENIZER, model_files

#: What the last layer gives: the odds of every token, or one score of the whole.
Head = Literal["tokens", "score"]


def configuration(folder: Path, where: str) -> dict[str, Any]:
    """The model's configuration.

    Raises :class:`DataError` for a folder whose model is no causal language model, or one that cannot be trained as it
    lies there: without weights, of quantised weights, of a kind that needs code of its own.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as KNOWN

    place = f"{where}: {folder}"
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except FileNotFoundError:
        raise NotFoundError("the folder holds no model: config.json is missing", where=place) from None
    except (OSError, ValueError) as error:
        raise DataError(f"config.json cannot be read: {error}", where=place) from None
    kind = config.get("model_type")
    named = " ".join(config.get("architectures") or [])
    if kind not in KNOWN and "auto_map" in config:
        raise DataError(
            f"the model is of a kind of its own ({kind}), and needs code of its own, which is never run",
            where=place,
            hint="name a model of a kind that transformers has",
        )
    if kind not in KNOWN or ("CausalLM" not in named and "LMHead" not in named and named):
        raise DataError(
            f"is no causal language model: config.json says {named or kind or 'nothing of it'}",
            where=place,
            hint="name a model that goes on with texts, such as HuggingFaceTB/SmolLM2-135M-Instruct",
        )
    if quantization := config.get("quantization_config"):
        raise DataError(
            f"the weights are quantised ({quantization.get('quant_method', 'somehow')}): they cannot be trained",
            where=place,
            hint="name the model that they were made of; qlora quantises it while it is trained",
        )
    try:
        model_files(folder)
    except DataError as error:
        error.where = place
        raise
    return dict(config)


def positions(config: Mapping[str, Any]) -> int | None:
    """The tokens that a model of this configuration has places for; None where it says nothing of it."""
    found = config.get("max_position_embeddings") or config.get("n_positions")
    return int(found) if found else None


def stored_dtype(config: dict[str, Any]) -> torch.dtype:
    """The dtype of the base's weights, as its configuration says; float32 where it says nothing."""
    name = config.get("dtype") or config.get("torch_dtype") or "float32"
    return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(str(name), torch.float32)


def open_folder(folder: Path, device: str, head: Head = "tokens", where: str = "") -> tuple[Any, Any]:
    """Model (float32, on ``device``, in evaluation mode) and tokenizer of a whole model's folder, its head as well."""
    tokenizer = open_tokenizer(folder, where)
    model = open_weights(folder, device, head, where=where if where != str(folder) else "", may_lack_head=False)
    model.config.pad_token_id = tokenizer.pad_token_id
    return model, tokenizer


def open_tokenizer(folder: Path, where: str) -> Any:
    """The tokenizer, with a token to pad with. Raises :class:`DataError` for one that cannot be read."""
    if not any((folder / name).exists() for name in TOKENIZER):
        raise DataError(
            "the folder has no tokenizer: tokenizer.json is missing",
            where=f"{where}: {folder}",
            hint="put the tokenizer's files beside the weights",
        )
    tokenizer = read_tokenizer(folder, where)
    if tokenizer.pad_token_id is None:
        # Behind a mask it is never read; a tokenizer has to have one to make a batch.
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token_id is None:
        raise DataError(
            "the tokenizer has no token that ends a text",
            where=f"{where}: {folder}",
            hint="tokenizer_config.json says which it is: eos_token",
        )
    return tokenizer


def open_weights(
    folder: Path,
    device: str,
    head: Head = "tokens",
    quantization: Any = None,
    *,
    where: str = "",
    tell: Callable[[str], None] = lambda sentence: None,
    may_lack_head: bool = True,
) -> Any:
    """The model in float32, on ``device``, in evaluation mode. ``may_lack_head`` has a head of one score drawn that the
    folder has not: it is to be learned, or put in.

    Weights that the folder has and the model does not are told of. Raises :class:`DataError` for weights that cannot be
    read, are of other shapes, or are not all there: transformers would draw those at random.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    words: dict[str, Any] = {"num_labels": 1} if head == "score" else {}
    if quantization is not None:
        words |= {"quantization_config": quantization, "device_map": {"": device}}
    auto: Any = AutoModelForCausalLM if head == "tokens" else AutoModelForSequenceClassification
    place = f"{where}: {folder}" if where else str(folder)
    with quiet_libraries.quietly():
        try:
            model, loaded = _read(auto, folder, words)
        except (
            ImportError, NotImplementedError, RuntimeError, OSError, ValueError, AssertionError, SafetensorError,
        ) as error:  # fmt: skip
            if isinstance(error, torch.OutOfMemoryError) or "memory" in str(error):
                raise
            if quantization is not None and isinstance(error, ImportError | NotImplementedError | RuntimeError):
                raise quantised.refused(error, "/model/spec/finetuning_spec") from error
            raise DataError(
                f"the weights are not those of the model that config.json describes: {_first_line(error)}",
                where=place,
                hint="take configuration and weights of one model, whole",
            ) from error
    missing = sorted(loaded["missing_keys"])
    lacking = [name for name in missing if head == "tokens" or not name.startswith("score.")]
    if missing and not lacking and not may_lack_head:
        raise DataError(
            f"the model has no head that gives a score: {_some(missing)} is not there",
            where=place,
            hint="name a model that was trained to score answers: a stored one, reward/NAME, or one of the Hub",
        )
    if lacking:
        raise DataError(
            f"the weights of the model are not all there: {_some(lacking)}",
            where=place,
            hint="take configuration and weights of one model, whole",
        )
    beside = sorted(name for name in loaded["unexpected_keys"] if head == "tokens" or not name.startswith("lm_head."))
    if beside:
        tell(f"weights that the model of config.json has no place for are not used: {_some(beside)}")
    return model.eval() if quantization is not None else model.to(device).eval()


def _read(auto: Any, folder: Path, words: dict[str, Any]) -> Any:
    """The model, and which of its weights were there; with torch's fused attention where the model has it."""
    words = {
        "local_files_only": True,
        "use_safetensors": True,
        "trust_remote_code": False,
        "dtype": torch.float32,
        "output_loading_info": True,
    } | words
    try:
        return auto.from_pretrained(folder, attn_implementation="sdpa", **words)
    except ValueError as error:
        if "attention implementation" not in str(error):
            raise
        return auto.from_pretrained(folder, **words)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _some(names: list[str]) -> str:
    """The first of some names, and how many there are more."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
