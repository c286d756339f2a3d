"""The tokenizer of a pretrained text model, with a token to pad with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.errors import DataError
from runner.training.pretrained_tokenizer import need_words, read_tokenizer
from runner.training.sentence_encoder_settings import TOKENIZER


def open_text_tokenizer(folder: Path, config: Mapping[str, Any], where: str, **settings: Any) -> Any:
    """The tokenizer beside a model, with ``settings`` in place of its own.

    Raises :class:`DataError` for a folder without a tokenizer, and for one that is not the model's."""
    place = f"{where}: {folder}"
    if not any((folder / name).exists() for name in TOKENIZER):
        raise DataError(
            "the folder has no tokenizer: tokenizer.json is missing",
            where=place,
            hint="put the tokenizer's files beside the weights",
        )
    tokenizer = read_tokenizer(folder, where, **settings)
    if tokenizer.pad_token_id is None:
        # Behind a mask it is never read; a tokenizer has to have one to make a batch.
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.sep_token
    if tokenizer.pad_token_id is None:
        raise DataError(
            "the tokenizer has no token to fill up a batch with",
            where=place,
            hint="tokenizer_config.json says which it is: pad_token",
        )
    need_words(tokenizer, place)
    count = config.get("vocab_size")
    if isinstance(count, int) and tokenizer.pad_token_id >= count:
        raise DataError(
            f"the tokenizer is not the model's: its padding is token {tokenizer.pad_token_id:,}, and the model has "
            f"{count:,} embeddings",
            where=place,
            hint="take the tokenizer that the model was made with",
        )
    return tokenizer
