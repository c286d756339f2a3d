"""The smallest sentence encoder, as a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WORDS = [*"abcdefg?!.,", "hello", "world", "the", "of", "and", "what", "is", "##s", "##ing"]


def tiny(folder: Path, seed: int = 0, **pooling: Any) -> Path:
    """A BERT of 16 dimensions with a vocabulary of a few words, as sentence-transformers lays a model out."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join([*special, *WORDS]))
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(special) + len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder, safe_serialization=True)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    write(folder / "modules.json", modules)
    write(folder / "sentence_bert_config.json", {"max_seq_length": 20, "do_lower_case": False})
    write(
        folder / "1_Pooling" / "config.json",
        {"word_embedding_dimension": 16, **(pooling or {"pooling_mode_mean_tokens": True})},
    )
    return folder


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document))
