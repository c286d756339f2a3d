"""Tokenizers small enough to be made in a test: bytes, and what a few sentences merge."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

_TEXTS = [
    "What is the capital of France? The capital of France is Paris.\n\nYes, and no. Hello there! How are you?\n",
    "system user assistant tool Instruction Response USER ASSISTANT: Yes. You are a helpful assistant.\n### ",
    "USER: what ASSISTANT: that is it. [INST] what [/INST] that </s><s>[INST] <<SYS>>\n<</SYS>>\n\n",
    "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\nHello<|im_end|>\n",
]
#: What templates are written with: ``<|end|>``, ``<｜User｜>``, ``<start_of_turn>``, ``<turn|>``, ``[gMASK]``.
_MARKS = re.compile(r"<\|[^|<>\s]+\|?>|<[a-z_]+\|>|<｜[^｜<>]+｜>|<(?:start|end)_of_turn>|</?s>|<bos>|\[gMASK\]|<sop>")


def marks_of(template: str) -> tuple[str, ...]:
    """The special tokens that a template spells."""
    return tuple(dict.fromkeys(_MARKS.findall(template)))


@cache
def tiny_tokenizer(
    special: tuple[str, ...] = (),
    *,
    start: str | None = None,
    end: str | None = "</s>",
    starts: bool = False,
    template: str | None = None,
    blanks: bool = False,
) -> Any:
    """A byte-level tokenizer. ``starts``: it begins a text with ``start``. ``blanks``: made as SentencePiece makes
    Llama 2's, which splits no text before it merges, puts a blank before it, and writes blanks as letters."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    # As Qwen and Llama 3 split texts: a line break goes with the punctuation before it.
    pattern = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if blanks:
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
        backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
        alphabet = []
    else:
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
        )
        backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(_TEXTS * 3, trainer)
    if blanks:
        model = json.loads(backend.to_str())["model"]
        names = [*model["vocab"], "<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
        vocabulary = {name: number for number, name in enumerate(names)}
        merges = [(left, right) for left, right in model["merges"]]
        backend.model = models.BPE(vocabulary, merges, byte_fallback=True, unk_token="<unk>")
    tokens = {"bos_token": start, "eos_token": end}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, **{name: token for name, token in tokens.items() if token is not None}
    )
    tokenizer.add_special_tokens({"additional_special_tokens": [mark for mark in special if mark not in (start, end)]})
    if starts:
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{start} $A", special_tokens=[(start, tokenizer.bos_token_id)]
        )
    tokenizer.chat_template = template
    return tokenizer
