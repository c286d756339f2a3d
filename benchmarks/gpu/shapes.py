"""Models made from a configuration, their weights random: a Llama of a billion weights, its rehearsal, an encoder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Shape:
    """A Llama and what it is trained on."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    key_value_heads: int
    vocabulary: int
    #: Tokens of a row, rows of a step, steps, and the step from which on time is taken.
    length: int
    batch: int
    steps: int
    warm: int

    def matrices(self) -> int:
        """Weights that a token is multiplied with, the last layer's included."""
        head = self.hidden // self.heads
        attention = 2 * self.hidden**2 + 2 * self.hidden * head * self.key_value_heads
        return self.layers * (attention + 3 * self.hidden * self.intermediate) + self.vocabulary * self.hidden

    def flops(self, method: str) -> float:
        """Floating point operations of a trained token: Kaplan et al. (2020), section 2.1, with causal attention.

        Frozen weights have no gradients of their own: two products of three.
        """
        products = 3 if method == "full" else 2
        return products * 2 * self.matrices() + 3 * 2 * self.layers * self.length * self.hidden


#: As Llama 3.2 1B: 1.24 billion weights.
BILLION = Shape(2048, 8192, 16, 32, 8, 128_256, 1024, 8, 40, 8)
REHEARSAL = Shape(64, 128, 2, 4, 2, 512, 64, 2, 8, 2)


def llama(shape: Shape, tokenizer: Path, folder: Path) -> Path:
    """The model in bfloat16, with the tokenizer of ``tokenizer``, whose tokens are fewer than the model's."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)
    own = AutoTokenizer.from_pretrained(tokenizer)
    config = LlamaConfig(
        vocab_size=shape.vocabulary, hidden_size=shape.hidden, intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers, num_attention_heads=shape.heads, num_key_value_heads=shape.key_value_heads,
        max_position_embeddings=max(2048, shape.length), tie_word_embeddings=True, bos_token_id=None,
        eos_token_id=own.eos_token_id, pad_token_id=own.pad_token_id, dtype="bfloat16",
    )  # fmt: skip
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = LlamaForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(folder)
    del model
    if torch.cuda.is_available():
        # The trainings come in processes of their own.
        torch.cuda.empty_cache()
    return folder


def rows(shape: Shape, file: Path) -> Path:
    """Conversations of random letters, a token each, all as long as a row may be; a few more than the steps need."""
    import random

    draw = random.Random(0)
    with file.open("w", encoding="utf-8") as out:
        for _ in range(shape.batch * shape.steps + 2 * shape.batch):
            answer = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz ", k=shape.length))
            turns = [{"role": "user", "content": "Go"}, {"role": "assistant", "content": answer}]
            out.write(json.dumps({"messages": turns}) + "\n")
    return file


def encoder(folder: Path) -> Path:
    """A BERT of 384 dimensions that knows nothing, where all-MiniLM-L6-v2 is not installed."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz0123456789.,?!"]
    words += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789"]
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=256).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    )
    BertModel(config).save_pretrained(folder)
    modules: list[dict[str, Any]] = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 256, "do_lower_case": false}')
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder
