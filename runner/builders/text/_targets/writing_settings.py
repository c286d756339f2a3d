"""How a model writes: its generation_config, so that transformers writes as it was measured and as ``infer`` does."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from runner.builders.text._targets.source_tokenizer import language_token

#: What a spec's ``writing`` says, beside how long a text may be.
SETTINGS = ("num_beams", "min_new_tokens", "length_penalty", "no_repeat_ngram_size", "repetition_penalty")


def written_as(spec: Any) -> dict[str, Any]:
    """How the model writes by itself, named as the options of ``infer`` are: kept with the model."""
    return {name: getattr(spec.writing, name) for name in SETTINGS} | {"max_new_tokens": spec.longest_written()}


def settle(model: Any, tokenizer: Any, own: Mapping[str, Any], target_language: str | None) -> None:
    """Put it into the model's generation_config, with the token that every target of a language begins with.

    What the base's own says of lengths and searches is replaced: the model was measured as the spec says.
    """
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    config = plain.generation_config
    take(config, own)
    config.pad_token_id = tokenizer.pad_token_id
    if target_language is None:
        return
    token = language_token(tokenizer, target_language)
    if type(tokenizer).__name__.startswith("MBartTokenizer"):
        # The first mBART writes the language behind a text, and begins with it.
        config.decoder_start_token_id = plain.config.decoder_start_token_id = token
    else:
        config.forced_bos_token_id = token


def take(config: Any, own: Mapping[str, Any]) -> None:
    """Have a generation_config say how texts are written, and nothing else of it."""
    # It tells of a length penalty without beams.
    penalty = own.get("length_penalty", 1.0) if own["num_beams"] > 1 else None
    words: dict[str, Any] = {
        "do_sample": False, "num_beams": own["num_beams"], "max_new_tokens": own["max_new_tokens"],
        "min_new_tokens": own["min_new_tokens"] or None, "max_length": None, "min_length": None,
        "length_penalty": penalty, "early_stopping": None,
        "no_repeat_ngram_size": own.get("no_repeat_ngram_size") or None,
        "repetition_penalty": own["repetition_penalty"] if own["repetition_penalty"] != 1 else None,
        "temperature": None, "top_k": None, "top_p": None, "min_p": None, "typical_p": None,
    }  # fmt: skip
    for name, value in words.items():
        setattr(config, name, value)


def for_options(model: Any, options: Any, own: Mapping[str, Any]) -> Any:
    """A generation_config for what is asked: that of the model, with the options in it."""
    config = copy.deepcopy(model.generation_config)
    asked = {name: getattr(options, name, own.get(name)) for name in (*SETTINGS, "max_new_tokens")}
    take(config, asked)
    config.num_return_sequences = options.n if options.num_beams > 1 else 1
    return config
