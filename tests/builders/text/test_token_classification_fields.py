"""Every field of a tagger's spec changes what it says it does. A field without a row in the table fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from runner import registry
from runner.contract import LoadedData
from runner.data.tagged_tokens.prepared import TaggedRows
from runner.data.tagged_tokens.tagged_row import TaggedRow, joined
from runner.errors import SpecError
from runner.spec.checking import load_object
from runner.training import made_models
from tests.builders.field_effects import LORA, RATE, Row, Seen, scaled, seen, text_of


def row(text: str, *tags: str) -> TaggedRow:
    tokens = tuple(text.split())
    return TaggedRow(1, tokens, tags, *joined(tokens))


ROWS = [
    row("Ida Roth left Oslo", "B-PER", "I-PER", "O", "B-LOC"),
    row("we met Bruno in Riga", "O", "O", "B-PER", "O", "B-LOC"),
    row("it rained in Port Ellis again and again", "O", "O", "O", "B-LOC", "I-LOC", "O", "O", "O"),
    row("nobody came", "O", "O"),
    row("Bruno left Riga", "B-PER", "O", "B-LOC"),
]


TABLE = {
    "optimizer": Row(RATE | {"learning_rate": 0.001}),
    "schedule": Row({"schedule_type": "constant"}, beside={"keep": "last"}, epochs=2),
    "early_stopping": Row({"patience": 1, "min_delta": 1e6}, "steps", {"evaluation": {"measure": "log_loss"}}, 3),
    "precision": Row("bfloat16"),
    "base_model_name": Row("other"),
    "finetuning_spec": Row(LORA),
    "max_length": Row(12),
    "stride": Row(3, beside={"max_length": 10}),
    "labelled": Row("all"),
    "outside_weight": Row(0.2),
    "label_smoothing": Row(0.3),
    "max_grad_norm": Row(1e-6),
    "gradient_accumulation": Row(2, "steps", {"evaluation": {"every": 1}}),
    "gradient_checkpointing": Row(True, "passes"),
    "max_steps": Row(1, "steps"),
    "evaluation": Row({"every": 1}, "steps"),
    "keep": Row("last", beside={"optimizer": RATE | {"learning_rate": 0.3}, "max_grad_norm": None}, epochs=4),
    "save_as": Row("adapter", "files", {"finetuning_spec": LORA}),
    "seed": Row(7),
}
#: Shown by the tests of fetching, and fixed.
ELSEWHERE = {"model_type", "revision"}
#: The kind's own, tried with every change. What it shares with others is tried for those, and here in the long tests.
QUICK = {"finetuning_spec", "max_length", "stride", "labelled", "outside_weight", "label_smoothing", "max_steps"}
Train = Callable[..., Seen]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = made_models.made("runner/tiny-bert", tmp_path_factory.mktemp("base"))
    assert folder is not None
    return folder


@pytest.fixture(scope="module")
def train(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Train on four rows, or take what that left before: ``train({"max_length": 12}, epochs=2)``."""

    @cache
    def made(text: str, epochs: int) -> Seen:
        fields = json.loads(text)
        folder = tmp_path_factory.mktemp("run")
        place = base if fields.pop("base_model_name", "base") == "base" else scaled(base, folder / "other")
        own = {"model_type": "token_classification", "base_model_name": str(place), "optimizer": RATE, "stride": 1}
        types = ("LOC", "PER")
        data = LoadedData(TaggedRows(ROWS[:4], types), TaggedRows(ROWS[4:], types), "0" * 64, {})
        return seen({**own, "max_length": 32, **fields}, data, epochs, folder, "BertIntermediate")

    return lambda fields, epochs=1: made(text_of(fields), epochs)


def test_every_field_has_a_row() -> None:
    assert set(registry.load("token_classification").Spec.model_fields) == set(TABLE) | ELSEWHERE


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in TABLE]
)
def test_a_field_has_its_effect(train: Train, name: str) -> None:
    wanted = TABLE[name]
    before = train(wanted.beside, wanted.epochs)
    after = train(wanted.beside | {name: wanted.value}, wanted.epochs)
    assert getattr(after, wanted.changes) != getattr(before, wanted.changes)


@pytest.mark.parametrize(
    "method",
    [
        {"method": "bitfit"},
        {"method": "last_layers", "num_layers": 1},
        *(
            pytest.param(method, marks=pytest.mark.slow)
            for method in (LORA | {"method": "dora"}, LORA | {"method": "rslora"}, {"method": "ia3"})
        ),
    ],
    ids=lambda method: method["method"],
)
def test_every_method_trains(train: Train, method: dict[str, Any]) -> None:
    assert train({"finetuning_spec": method}).weights != train({}).weights


def test_a_stride_without_room_is_refused() -> None:
    own = {"model_type": "token_classification", "base_model_name": "runner/tiny-bert", "max_length": 16, "stride": 14}
    with pytest.raises(SpecError) as caught:
        load_object({"model": {"name": "m", "spec": own}, "data": {"dataset": "sample"}})
    (fault,) = caught.value.faults
    assert (fault.pointer, "at most 13" in fault.message) == ("/model/spec/stride", True)
