"""Stored language models that took no training: a folder with a chat, one with texts, and one that does not talk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from runner.chat.renderer import ChatRenderer
from runner.store.manifest import ModelFacts
from runner.store.model_lookup import StoredModel
from runner.store.model_storing import promote
from runner.training import made_models

#: Stored by :func:`keep_models`. What the first two say is drawn at random, and does not end by itself.
CHATS, GOES_ON, RANKS = "sft/talker", "causal_lm/goer", "elo_scoring/elo"


def keep_models(home: Path) -> None:
    """Put all three into the store of a folder."""
    from transformers import AutoTokenizer

    base = made_models.made(made_models.TINY, home / "cache")
    assert base is not None
    chat = ChatRenderer.of(AutoTokenizer.from_pretrained(base)).as_document()
    for model, document in ((CHATS, {"chat": chat}), (GOES_ON, {})):
        folder = home / "made" / model
        shutil.copytree(base, folder)
        told = {"format": 1, "form": "whole", "max_length": 256} | document
        (folder / "language_model.json").write_text(json.dumps(told))
        keep(home, model, folder)
    scores = home / "made" / RANKS
    scores.mkdir(parents=True)
    (scores / "scores.json").write_text("{}")
    keep(home, RANKS, scores)


def keep(home: Path, model: str, folder: Path, spec: dict[str, Any] | None = None) -> StoredModel:
    """Store a folder as ``type/name``; ``spec`` is the kind's own."""
    kind, name = model.split("/")
    own = spec or {"model_type": kind}
    facts = ModelFacts(created="2026-01-31T12:00:00Z", spec={"model": {"name": name, "spec": own}})
    return promote(home / "models", kind, name, folder, facts)
