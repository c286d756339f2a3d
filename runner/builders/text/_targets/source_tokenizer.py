"""The tokenizer of a model that turns texts into others, told of both languages where it knows several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.errors import DataError
from runner.near_names import nearest
from runner.training.pretrained_tokenizer import read_tokenizer
from runner.training.sentence_encoder_settings import TOKENIZER

SPEC = "/model/spec"


def open_tokenizer(folder: Path, where: str, source_language: str | None, target_language: str | None) -> Any:
    """The tokenizer. Raises :class:`DataError` for one that cannot be read, has no end of a text, or lacks a language;
    the pointers of the languages are those of the spec."""
    if not any((folder / name).exists() for name in (*TOKENIZER, "spiece.model", "sentencepiece.bpe.model")):
        raise DataError(
            "the folder has no tokenizer: tokenizer.json is missing",
            where=f"{where}: {folder}",
            hint="put the tokenizer's files beside the weights",
        )
    tokenizer = read_tokenizer(folder, where)
    if tokenizer.pad_token_id is None or tokenizer.eos_token_id is None:
        lacking = "a text" if tokenizer.eos_token_id is None else "a batch"
        raise DataError(
            f"the tokenizer has no token that {'ends' if lacking == 'a text' else 'fills up'} {lacking}",
            where=f"{where}: {folder}",
            hint="tokenizer_config.json says which it is: eos_token, pad_token",
        )
    multilingual = hasattr(tokenizer, "src_lang") and hasattr(tokenizer, "tgt_lang")
    for field, code, name in (
        ("source_language", source_language, "src_lang"),
        ("target_language", target_language, "tgt_lang"),
    ):
        if code is None:
            continue
        if not multilingual:
            raise DataError(
                "the tokenizer of the base model knows no languages",
                where=f"{SPEC}/{field}",
                hint="leave it out; a model of one pair of languages needs none, and T5 is told in source_prefix",
            )
        check_language(tokenizer, code, f"{SPEC}/{field}")
        setattr(tokenizer, name, code)
    if multilingual and target_language is None:
        raise DataError(
            "the base model writes many languages, and has to be told which",
            where=f"{SPEC}/target_language",
            hint=f"one of {', '.join(_languages(tokenizer)[:8])}, ...",
        )
    return tokenizer


def language_token(tokenizer: Any, code: str) -> int:
    """The token that says that a text is of a language."""
    if hasattr(tokenizer, "get_lang_id"):
        return int(tokenizer.get_lang_id(code))
    return int(tokenizer.convert_tokens_to_ids(code))


def check_language(tokenizer: Any, code: str, where: str) -> None:
    """Raise :class:`DataError` for a language that the tokenizer has no token for."""
    known = _languages(tokenizer)
    if code in known:
        return
    near = nearest(code, known)
    raise DataError(
        f"the tokenizer of the base model knows no language {code!r}",
        where=where,
        hint=f"did you mean {near!r}?" if near else f"it knows {', '.join(known[:8])}, ...",
    )


def _languages(tokenizer: Any) -> list[str]:
    named = getattr(tokenizer, "lang_code_to_id", None) or getattr(tokenizer, "lang_code_to_token", None)
    return sorted(named or tokenizer.additional_special_tokens)
