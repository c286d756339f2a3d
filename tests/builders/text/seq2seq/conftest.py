"""Models that turn texts into others, of random weights, and a training of one on rows written out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from runner import registry
from runner.contract import LoadedData, TrainContext, TrainResult
from runner.data.dialogues.infer_rows import from_words
from runner.data.dialogues.row_types import SourceRow
from runner.execution.worker import seed_of
from runner.runs.checkpoints import RunCheckpoints
from runner.spec.checking import load_object
from runner.training import made_models
from tests.builders.conftest import Emitted

RATE = {"optimizer_type": "adamw", "learning_rate": 0.01}
ROWS = [
    SourceRow(1, "one owl", ("ein Kauz", "eine Eule")), SourceRow(2, "two hares", ("zwei Hasen",)),
    SourceRow(3, "a fox", ("ein Fuchs",)), SourceRow(4, "a wren that sang for a long time", ("ein Zaunkönig",)),
    SourceRow(5, "one hare", ("ein Hase", "ein Häschen")), SourceRow(6, "two owls", ("zwei Eulen",)),
]  # fmt: skip


class Trained:
    """What one training left."""

    def __init__(self, folder: Path, result: TrainResult, emitted: Emitted) -> None:
        self.folder, self.result, self.emitted = folder, result, emitted

    @property
    def weights(self) -> bytes:
        """All of the stored tensors, one after the other."""
        from safetensors.torch import load_file

        found = {
            name: each for path in sorted(self.folder.glob("*.safetensors")) for name, each in load_file(path).items()
        }
        return b"".join(found[name].contiguous().numpy().tobytes() for name in sorted(found))

    @property
    def warnings(self) -> list[str]:
        return [event["message"] for event in self.emitted if event["event"] == "warning"]

    def ask(self, *sources: str, **options: Any) -> list[list[Any]]:
        """The texts that the stored model writes."""
        kind = registry.load("seq2seq")
        predictor = kind.Predictor.load(self.folder)
        asked = kind.TASK.options.model_validate(options)
        asked.check()
        given = from_words(list(sources))
        given.check()
        rows = [row for chunk in given.chunks(8) for row in chunk]
        return predictor.predict(rows, asked.settled(predictor.written_as), 8)


Train = Callable[..., Trained]


@pytest.fixture(scope="session")
def tiny_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's folder."""
    folder = made_models.made("runner/tiny-t5", tmp_path_factory.mktemp("base"))
    assert folder is not None
    return folder


@pytest.fixture(scope="session")
def tiny_bart(tiny_t5: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of another family, with positions, biases and an output bias, and the same tokenizer."""
    import torch
    from transformers import AutoTokenizer, BartConfig, BartForConditionalGeneration

    folder = tmp_path_factory.mktemp("bart")
    tokenizer = AutoTokenizer.from_pretrained(tiny_t5)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=32, encoder_layers=1, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=128,
        pad_token_id=0, bos_token_id=0, eos_token_id=1, decoder_start_token_id=1, forced_eos_token_id=1,
    )  # fmt: skip
    BartForConditionalGeneration(config).save_pretrained(folder)
    return folder


@pytest.fixture
def train(tiny_t5: Path, tmp_path: Path) -> Train:
    """Train on the first rows, the last two held out: ``train(label_smoothing=0.5)``."""
    number = iter(range(100))

    def made(rows: Sequence[SourceRow] = ROWS, epochs: int = 1, base: Path = tiny_t5, **fields: Any) -> Trained:
        folder = tmp_path / f"run{next(number)}"
        kind = {"model_type": "seq2seq", "base_model_name": str(base), "optimizer": RATE, "max_length": 64,
                "max_target_length": 24}  # fmt: skip
        document = {"model": {"name": "m", "spec": kind | fields}, "data": {"dataset": "sample"}}
        spec = load_object(document).spec
        emitted = Emitted()
        context = TrainContext(
            data=LoadedData(list(rows[:-2]), list(rows[-2:]), "0" * 64, {}),
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
        context.artifact.mkdir(parents=True)
        result = registry.load("seq2seq").train(spec.model.spec, context)
        return Trained(context.artifact, result, emitted)

    return made
