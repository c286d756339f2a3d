"""Files of a language model's data, made for a test and loaded as a spec's data section does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.contract import DataReport, LoadContext, LoadedData, ModelSpec
from runner.data.conversations.section import ConversationsData
from runner.data.dialogues.section import DialogueData
from runner.data.labelled_answers.section import LabelledAnswersData
from runner.data.preferences.section import PreferencesData
from runner.data.rewarded_prompts.section import RewardedPromptsData
from runner.data.source_targets.section import SourceTargetsData
from runner.data.texts.section import TextsData

SECTIONS: dict[str, type[DialogueData]] = {
    "sft": ConversationsData, "dpo": PreferencesData, "kto": LabelledAnswersData, "causal_lm": TextsData,
    "grpo": RewardedPromptsData, "seq2seq": SourceTargetsData,
}  # fmt: skip
Load = Callable[..., LoadedData]


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def load_file(kind: str, path: Path | str, report: DataReport | None = None, **fields: Any) -> LoadedData:
    """A file's two splits, with ``report`` filled in where it is refused too."""
    section = SECTIONS[kind].model_validate({"dataset": str(path), **fields})
    section.check(Path.cwd())
    context = LoadContext(ModelSpec(model_type=kind), Path("cache"), lambda *_, **__: None)
    if report is not None:
        context = LoadContext(context.spec, context.cache, context.emit, report)
    return section.load(context)


def documents(loaded: LoadedData) -> list[dict[str, Any]]:
    """All rows as they are written, those of training first."""
    return [DialogueData.written(row) for row in (*loaded.train, *loaded.validation)]


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as a JSON Lines file."""

    def write(*rows: Mapping[str, Any] | str, name: str = "train.jsonl") -> Path:
        path = tmp_path / name
        texts = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        return path

    return write


@pytest.fixture
def load(lines: Callable[..., Path]) -> Load:
    """Writes rows and loads them; nothing is held out unless the fields say so."""

    def rows(kind: str, *rows: Mapping[str, Any] | str, **fields: Any) -> LoadedData:
        return load_file(kind, lines(*rows), **({"validation_split": 0.0} | fields))

    return rows
