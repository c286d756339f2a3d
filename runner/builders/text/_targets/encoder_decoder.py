"""What a base has to be: an encoder and a decoder of one model, which says how the decoder begins."""

from __future__ import annotations

from runner.builders._finetuning._fields.pretrained_fit import document
from runner.builders._finetuning.heads import Head
from runner.builders._finetuning.pretrained_base import BASE, PretrainedBase
from runner.errors import DataError

HEAD = Head(
    auto="AutoModelForSeq2SeqLM",
    table="MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
    task_type="SEQ_2_SEQ_LM",
    what="trained to turn texts into others: it is no encoder with a decoder",
    hint="name such a model, as google/flan-t5-small and facebook/bart-base are",
    drawn="none",
)


def check_parts(base: PretrainedBase) -> None:
    """Raise :class:`DataError` for a model whose decoder does not know how to begin: it could be trained, and never
    write a text."""
    from transformers import AutoConfig

    own = AutoConfig.from_pretrained(base.folder, local_files_only=True, trust_remote_code=False)
    told = document(base.folder / "generation_config.json").get("decoder_start_token_id")
    if getattr(own, "decoder_start_token_id", None) is None and told is None:
        raise DataError(
            "config.json does not say how the decoder begins: decoder_start_token_id is missing",
            where=f"{BASE}: {base.folder}",
            hint="a model that was put together from two encoders needs one: set it to its bos or cls token",
        )
