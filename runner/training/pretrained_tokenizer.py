"""The tokenizer of a pretrained model's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.errors import DataError
from runner.training.quiet_libraries import quietly


def read_tokenizer(folder: Path, where: str, **settings: Any) -> Any:
    """The tokenizer as transformers reads it, with ``settings`` in place of its own.

    Raises :class:`DataError` for one that cannot be read.
    """
    from transformers import AutoTokenizer

    with quietly():
        try:
            words: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
            tokenizer = AutoTokenizer.from_pretrained(folder, **words, **settings)
        except Exception as error:  # the files of a tokenizer that is damaged make its readers raise anything
            raise DataError(
                f"the tokenizer cannot be read: {' '.join(str(error).split())[:300]}",
                where=f"{where}: {folder}",
                hint="put the tokenizer's files beside the weights: tokenizer.json, or the vocabulary it is made of",
            ) from error
    # It would tell of a text that is longer than the model reads, once; what becomes of one is told by who reads it.
    tokenizer.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True
    return tokenizer


def need_words(tokenizer: Any, place: str) -> None:
    """Raise :class:`DataError` for a tokenizer that cannot read a text of a word and a sign that it may not know."""
    try:
        tokenizer("a \N{SNOWMAN}")
    except Exception as error:  # what a tokenizer raises of its own code is a bare Exception
        raise DataError(
            f"the tokenizer cannot read every text: {' '.join(str(error).split())[:300]}",
            where=place,
            hint="take the tokenizer that the model was made with",
        ) from error
