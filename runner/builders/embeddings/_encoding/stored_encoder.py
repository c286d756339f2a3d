"""The files that make a transformer's folder one that sentence-transformers loads as it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runner.builders.embeddings._encoding.text_vectors import Prompts
from runner.training.sentence_encoder_settings import STORED, Settings

POOLING = "1_Pooling"


def write(folder: Path, settings: Settings, prompts: Prompts) -> None:
    """Write ``modules.json`` and its friends, and our own settings, beside the transformer's files."""
    kinds = ["Transformer", "Pooling", *(["Normalize"] if settings.normalize else [])]
    paths = ["", POOLING, "2_Normalize"]
    modules = [
        {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for at, (kind, path) in enumerate(zip(kinds, paths, strict=False))
    ]
    _json(folder / "modules.json", modules)
    modes = settings.pooling
    pooling = {
        "word_embedding_dimension": settings.width // len(modes),
        "pooling_mode_cls_token": "cls" in modes,
        "pooling_mode_mean_tokens": "mean" in modes,
        "pooling_mode_max_tokens": "max" in modes,
        "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens" in modes,
        "pooling_mode_weightedmean_tokens": False,
        "pooling_mode_lasttoken": "lasttoken" in modes,
        "include_prompt": True,
    }
    (folder / POOLING).mkdir()
    _json(folder / POOLING / "config.json", pooling)
    _json(
        folder / "sentence_bert_config.json",
        {"max_seq_length": settings.max_length, "do_lower_case": settings.lower_case},
    )
    named = {"query": prompts.anchor, "document": prompts.positive}
    default = {"default": settings.prompt} if settings.prompt else {}
    document: dict[str, Any] = {
        "model_type": "SentenceTransformer",
        "prompts": named | default,
        "default_prompt_name": "default" if default else None,
        "similarity_fn_name": "cosine",
    }
    _json(folder / "config_sentence_transformers.json", document)
    settings.write(folder / STORED)


def _json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
