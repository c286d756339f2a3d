"""Raw comparisons of both layouts, made for a test."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import create_model

from runner.contract import LoadContext, ModelSpec


def said(role: str, text: Any, parts: bool = True) -> dict[str, Any]:
    """One message, its content a list of parts or a plain string."""
    content = [{"type": "text", "text": text}] if parts and isinstance(text, str) else text
    return {"role": role, "content": content}


def row(
    a: str = "m1",
    b: str = "m2",
    winner: str = "model_a",
    prompt: str = "What is two and two?",
    answers: Sequence[str] = ("four", "five"),
    history: Sequence[tuple[str, str]] = (),
    parts: bool = True,
    **more: Any,
) -> dict[str, Any]:
    """One raw comparison; ``history`` has (question, answer) pairs that both sides share."""
    earlier = [
        said(role, text, parts) for pair in history for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    return {
        "model_a": a,
        "model_b": b,
        "winner": winner,
        "conversation_a": [*earlier, said("user", prompt, parts), said("assistant", answers[0], parts)],
        "conversation_b": [*earlier, said("user", prompt, parts), said("assistant", answers[1], parts)],
        **more,
    }


def some(n: int, models: int = 4, prompts: int = 10, parts: bool = True) -> list[dict[str, Any]]:
    """``n`` distinct comparisons that go round the LLMs and prompts."""
    winners = ("model_a", "model_b", "tie", "both_bad" if parts else "tie (bothbad)")
    return [
        row(
            a=f"m{at % models}",
            b=f"m{(at + 1 + at // models % (models - 1)) % models}",
            winner=winners[(at // 3) % 4],
            prompt=f"prompt {at % prompts}",
            answers=(f"a{at}", f"b{at}"),
            parts=parts,
        )
        for at in range(n)
    ]


def write_jsonl(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return path


def write_parquet(path: Path, rows: Sequence[dict[str, Any]], **options: Any) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), path, **options)
    return path


class Listener:
    """An ``emit`` that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))

    @property
    def warnings(self) -> list[str]:
        return [fields["message"] for event, fields in self.events if event == "warning"]


class Raw:
    """The makers above, as a fixture: modules of tests do not import one another."""

    row, some, said = staticmethod(row), staticmethod(some), staticmethod(said)
    jsonl, parquet = staticmethod(write_jsonl), staticmethod(write_parquet)


@pytest.fixture(scope="session")
def raw() -> type[Raw]:
    return Raw


@pytest.fixture
def listen() -> Listener:
    return Listener()


@pytest.fixture
def context(tmp_path: Path, listen: Listener) -> Callable[..., LoadContext]:
    """``context(min_model_occurrences=20)``: a load's surroundings for a spec with these fields."""

    def make(reads: frozenset[str] = frozenset({"prompts", "responses"}), **fields: int) -> LoadContext:
        kind = create_model("Kind", __base__=ModelSpec, **{name: (int, value) for name, value in fields.items()})
        kind.row_filters, kind.reads = tuple(fields), reads
        return LoadContext(kind(model_type="kind"), tmp_path / "cache", listen)

    return make
