"""A model of 0.2 million parameters that turns texts into others, a byte a token, as T5 does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.training.made._drawing import draw

SPECIAL = ("<pad>", "</s>", "<unk>")


def write(folder: Path) -> None:
    """Write the model and its tokenizer."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import GenerationConfig, PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: at for at, token in enumerate((*SPECIAL, *letters))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in SPECIAL])
    end = [("</s>", vocabulary["</s>"])]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=end
    )
    roles = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=1_000_000, **roles)
    wrapped.save_pretrained(folder)
    sizes: dict[str, Any] = {
        "vocab_size": len(vocabulary), "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_decoder_layers": 2,
        "num_heads": 4, "dropout_rate": 0.0, "feed_forward_proj": "relu", "decoder_start_token_id": 0,
        "pad_token_id": 0, "eos_token_id": 1, "tie_word_embeddings": True, "dtype": "float32",
    }  # fmt: skip
    config = T5Config(**sizes)
    model = T5ForConditionalGeneration(config)
    draw(model, 0.1)
    model.generation_config = GenerationConfig(decoder_start_token_id=0, pad_token_id=0, eos_token_id=1)
    model.save_pretrained(folder)
