"""A text encoder of 0.2 million parameters that reads some common English words whole and the rest letter by letter."""

from __future__ import annotations

import string
from pathlib import Path

from runner.training.made._drawing import draw

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
#: Tokens that it has positions for.
LONGEST = 512


def word_pieces() -> dict[str, int]:
    """The vocabulary: special tokens, the characters of ASCII as a word's beginning and within it, common words."""
    words = (Path(__file__).with_name("tiny_words.txt")).read_text("utf-8").split()
    letters = string.ascii_letters + string.digits
    pieces = [
        *SPECIAL, *letters, *string.punctuation, *(f"##{letter}" for letter in letters),
        *words, *(word.capitalize() for word in words),
    ]  # fmt: skip
    return {piece: at for at, piece in enumerate(dict.fromkeys(pieces))}


def write(folder: Path) -> None:
    """Write the model and its tokenizer."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = word_pieces()
    tokenizer = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")],
    )
    roles = {f"{name[1:-1].lower()}_token": name for name in SPECIAL}
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=LONGEST, **roles)
    wrapped.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=LONGEST, pad_token_id=0, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        dtype="float32",
    )  # fmt: skip
    model = BertModel(config)
    # So wide that two texts have vectors that differ, without any training.
    draw(model, 0.1)
    model.save_pretrained(folder)
