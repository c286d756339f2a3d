"""Small models made from a configuration, one of each layout that fine-tuning has to find its way in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WORDS = [*"abcdefg?!.,", "hello", "world", "the", "of", "and", "what", "is", "##s", "##ing"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = len(SPECIAL) + len(WORDS)
#: Sizes of every one of them.
WIDTH, INNER, LAYERS, POSITIONS = 16, 32, 3, 64


def model(kind: str) -> Any:
    """A model of random weights, from torch's seed 0."""
    import torch
    import transformers as t

    torch.manual_seed(0)
    common = {
        "vocab_size": VOCABULARY, "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2,
        "intermediate_size": INNER, "max_position_embeddings": POSITIONS, "pad_token_id": 0,
    }  # fmt: skip
    if kind == "bert":
        return t.BertModel(t.BertConfig(**common))
    if kind == "roberta":
        return t.RobertaModel(t.RobertaConfig(**common))
    if kind == "mpnet":
        return t.MPNetModel(t.MPNetConfig(**common))
    if kind == "llama":
        return t.LlamaModel(t.LlamaConfig(**common, num_key_value_heads=1))
    if kind == "qwen2":
        return t.Qwen2Model(t.Qwen2Config(**common, num_key_value_heads=1))
    if kind == "distilbert":
        return t.DistilBertModel(
            t.DistilBertConfig(vocab_size=VOCABULARY, dim=WIDTH, n_layers=LAYERS, n_heads=2, hidden_dim=INNER,
                               max_position_embeddings=POSITIONS)
        )  # fmt: skip
    assert kind == "albert"
    return t.AlbertModel(t.AlbertConfig(**common, embedding_size=8))


def folder(place: Path, kind: str = "bert", **pooling: Any) -> Path:
    """Such a model as a folder, laid out as sentence-transformers does, with a tokenizer of a few words."""
    from transformers import BertTokenizerFast

    place.mkdir(parents=True)
    (place / "vocab.txt").write_text("\n".join([*SPECIAL, *WORDS]))
    BertTokenizerFast(str(place / "vocab.txt"), model_max_length=POSITIONS).save_pretrained(place)
    model(kind).save_pretrained(place)
    modules = [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    (place / "modules.json").write_text(json.dumps(modules))
    (place / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 20}))
    (place / "1_Pooling").mkdir()
    (place / "1_Pooling" / "config.json").write_text(json.dumps(pooling or {"pooling_mode": "mean"}))
    return place
