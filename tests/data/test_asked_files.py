"""What rows to be answered are read from, whatever their layout: folders of shards and patterns as well as files."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import DataError

#: By the module that reads asked rows: a row of it, numbered.
ROWS: dict[str, Any] = {
    "table_rows.infer_rows": lambda at: {"size": at},
    "labelled_texts.infer_rows": lambda at: {"text": f"text {at}"},
    "tagged_tokens.infer_rows": lambda at: {"tokens": ["word", str(at)]},
    "context_questions.infer_rows": lambda at: {"question": f"who {at}?", "context": "Ida."},
    "text_pairs.asked_texts": lambda at: {"text": f"text {at}"},
    "dialogues.infer_rows": lambda at: {"messages": [{"role": "user", "content": f"ask {at}"}]},
    "source_targets.asked_sources": lambda at: {"source": f"text {at}"},
}


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    (folder := tmp_path / "shards").mkdir()
    return folder


def keys(asked: Any) -> list[bytes]:
    asked.check()
    assert asked.count == 4
    return [row.key() for chunk in asked.chunks(3) for row in chunk]


@pytest.mark.parametrize("layout", ROWS)
def test_shards_are_read_as_one_file(layout: str, shards: Path) -> None:
    reader = importlib.import_module(f"runner.data.{layout}")
    lines = [json.dumps(ROWS[layout](at)) + "\n" for at in range(4)]
    (shards.parent / "whole.jsonl").write_text("".join(lines))
    (shards / "1.jsonl").write_text("".join(lines[:2]))
    (shards / "2.jsonl").write_text("".join(lines[2:]))
    whole = keys(reader.from_file(shards.parent / "whole.jsonl"))
    assert keys(reader.from_file(shards)) == whole
    assert keys(reader.from_file(shards / "*.jsonl")) == whole


@pytest.mark.parametrize("layout", ROWS)
def test_a_folder_without_rows_is_refused_by_its_name(layout: str, shards: Path) -> None:
    reader = importlib.import_module(f"runner.data.{layout}")
    with pytest.raises(DataError, match="the folder has no data file") as refused:
        reader.from_file(shards).check()
    assert refused.value.where == str(shards)
