"""Every field of a tagger's spec changes what it says it does. A field without a row in the table fails."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from runner import registry
from runner.contract import LoadedData, TrainContext
from runner.data.tagged_tokens.prepared import TaggedRows
from runner.data.tagged_tokens.tagged_row import TaggedRow, joined
from runner.errors import SpecError
from runner.execution.worker import seed_of
from runner.runs.checkpoints import RunCheckpoints
from runner.spec.checking import load_object
from runner.training import made_models
from tests.builders.conftest import Emitted

RATE = {"optimizer_type": "adamw", "learning_rate": 0.003}
LORA = {"method": "lora", "rank": 4, "dropout": 0.0}


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


@dataclass(frozen=True)
class Seen:
    """What a training left: weights by name, files, measured steps, passes of layers, what the model keeps."""

    weights: str
    files: tuple[str, ...]
    steps: tuple[tuple[Any, ...], ...]
    passes: int
    document: str


@dataclass(frozen=True)
class Row:
    """Another value of a field, and what is different then."""

    value: Any
    changes: str = "weights"
    #: Fields that both trainings have.
    beside: dict[str, Any] = field(default_factory=dict)
    epochs: int = 1


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
        document = {"model": {"name": "m", "spec": {**own, "max_length": 32, **fields}}, "data": {"dataset": "sample"}}
        spec = load_object(document).spec
        types = ("LOC", "PER")
        emitted = Emitted()
        context = TrainContext(
            data=LoadedData(TaggedRows(ROWS[:4], types), TaggedRows(ROWS[4:], types), "0" * 64, {}),
            epochs=epochs,
            batch_size=2,
            seed=seed_of(spec),
            device="cpu",
            print_every=1,
            emit=emitted,
            checkpoints=RunCheckpoints(folder / "checkpoints", emitted),
            stop_requested=threading.Event().is_set,
            artifact=folder / "artifact",
            start_from=None,
            cache=folder / "cache",
        )
        context.artifact.mkdir()
        with Passes() as passes:
            registry.load("token_classification").train(spec.model.spec, context)
        told = hashlib.sha256()
        for file in sorted(context.artifact.glob("*.safetensors")):
            for name, tensor in sorted(load_file(file).items()):
                told.update(name.encode() + tensor.contiguous().view(torch.uint8).numpy().tobytes())
        steps = tuple(
            (event["event"], event.get("step"), event.get("epoch"))
            for event in emitted
            if event["event"] in ("epoch", "step")
        )
        files = tuple(sorted(path.name for path in context.artifact.iterdir()))
        kept = (context.artifact / "finetuned_model.json").read_text()
        shutil.rmtree(folder)
        return Seen(told.hexdigest(), files, steps, passes.count, kept)

    return lambda fields, epochs=1: made(json.dumps(fields, sort_keys=True), epochs)


def scaled(base: Path, folder: Path) -> Path:
    """The same model with weights a tenth larger."""
    shutil.copytree(base, folder)
    file = folder / "model.safetensors"
    save_file({name: tensor * 1.1 for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    return folder


class Passes:
    """Counts how often a layer is begun in training, by torch's own hook."""

    def __enter__(self) -> Passes:
        self.count = 0
        self._hook = torch.nn.modules.module.register_module_forward_pre_hook(self._see)
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()

    def _see(self, module: torch.nn.Module, *_: object) -> None:
        self.count += module.training and type(module).__name__ == "BertIntermediate"


def test_every_field_has_a_row() -> None:
    assert set(registry.load("token_classification").Spec.model_fields) == set(TABLE) | ELSEWHERE


@pytest.mark.parametrize("name", TABLE)
def test_a_field_has_its_effect(train: Train, name: str) -> None:
    wanted = TABLE[name]
    before = train(wanted.beside, wanted.epochs)
    after = train(wanted.beside | {name: wanted.value}, wanted.epochs)
    assert getattr(after, wanted.changes) != getattr(before, wanted.changes)


@pytest.mark.parametrize(
    "method",
    [{"method": "bitfit"}, {"method": "last_layers", "num_layers": 1}, LORA | {"method": "dora"},
     LORA | {"method": "rslora"}, {"method": "ia3"}],
    ids=lambda method: method["method"],
)  # fmt: skip
def test_every_method_trains(train: Train, method: dict[str, Any]) -> None:
    assert train({"finetuning_spec": method}).weights != train({}).weights


def test_a_stride_without_room_is_refused() -> None:
    own = {"model_type": "token_classification", "base_model_name": "runner/tiny-bert", "max_length": 16, "stride": 14}
    with pytest.raises(SpecError) as caught:
        load_object({"model": {"name": "m", "spec": own}, "data": {"dataset": "sample"}})
    (fault,) = caught.value.faults
    assert (fault.pointer, "at most 13" in fault.message) == ("/model/spec/stride", True)
