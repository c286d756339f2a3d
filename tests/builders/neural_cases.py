"""Comparisons that only a reader of prompts can foretell, and what the neural kinds' tests ask of all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.contract import LoadedData, TrainContext
from runner.data.comparisons import TIE, A, B, Comparisons
from runner.errors import Stopped
from runner.store.manifest import ModelFacts
from runner.store.model_storing import promote
from tests.training.tiny_models import folder

#: Words of the two kinds of prompt, and of what the LLMs that are good at each kind answer.
WORDS = (("hello", "world"), ("a", "b", "c", "d"))
ANSWERS = (("the", "of", "and"), ("what", "?", "is"))
NAMES = tuple(f"{kind}-{number}" for kind in ("greeter", "speller") for number in range(3))


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence encoder of 16 dimensions, with random weights."""
    return folder(tmp_path_factory.mktemp("neural") / "encoder")


def preferences(n: int = 400, names: tuple[str, ...] = NAMES, seed: int = 0) -> LoadedData:
    """Greeters win on greetings, spellers on letters, half of the prompts each: by wins alone all are equal.

    An LLM is told by its answers. A tenth of the comparisons are ties between LLMs of one kind.
    """
    rng = np.random.default_rng(seed)
    good_at = np.array([0 if name.startswith("greeter") else 1 for name in names])
    kind = np.tile([0, 1], n // 2)
    prompts = tuple(text(rng, WORDS[k]) for k in kind)
    a = rng.choice(np.flatnonzero(good_at == 0), n)
    b = rng.choice(np.flatnonzero(good_at == 1), n)
    winner = np.where(kind == 0, A, B)
    tied = rng.random(n) < 0.1
    winner = np.where(tied, TIE, winner)
    swap = rng.random(n) < 0.5
    flipped = np.where(winner == TIE, TIE, 1 - winner)
    a, b, winner = np.where(swap, b, a), np.where(swap, a, b), np.where(swap, flipped, winner)
    data = Comparisons(
        models=tuple(names),
        prompts=prompts,
        histories=((),) * n,
        prompt=np.arange(n, dtype=np.int32),
        model_a=a.astype(np.int32),
        model_b=b.astype(np.int32),
        winner=winner.astype(np.int8),
        responses_a=tuple(answer(rng, names[llm]) for llm in a),
        responses_b=tuple(answer(rng, names[llm]) for llm in b),
        tags={},
        groups=("",) * n,
    )
    rows = np.arange(n)
    return LoadedData(data.take(rows[: n * 3 // 4]), data.take(rows[n * 3 // 4 :]), "0" * 64, {})


def text(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    """3 to 8 words."""
    return " ".join(rng.choice(words, size=rng.integers(3, 9)))


def answer(rng: np.random.Generator, name: str) -> str:
    """What an LLM says: words of its kind, and one of its own."""
    own = ("e", "f", "g")[int(name[-1]) % 3]
    return f"{own} {text(rng, ANSWERS[0 if name.startswith('greeter') else 1])}"


def answers(name: str, n: int = 30, seed: int = 9) -> tuple[list[str], list[str]]:
    """(prompt, response) pairs of an LLM."""
    rng = np.random.default_rng(seed)
    return [text(rng, WORDS[at % 2]) for at in range(n)], [answer(rng, name) for _ in range(n)]


def embedded(encoder: Path, **more: Any) -> dict[str, Any]:
    """The fields that keep a kind on an embedding of the LLMs small."""
    return {
        "embedding_model_name": str(encoder),
        "embedding_spec": {"embedding_type": "frozen", "encoder_model_name": str(encoder), "hidden_dims": [16, 8]},
        "embedding_model_epochs": 3,
        "hidden_dims": [24, 16],
        "input_proj_dim": 12,
        "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.005},
    } | more


def files(artifact: Path) -> dict[str, bytes]:
    """Every file of an artifact."""
    found = {path.relative_to(artifact).as_posix(): path for path in artifact.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items()}


def resumes_to_the_bit(kind: Any, spec: Any, make: Callable[[str], TrainContext], event: str, after: int) -> None:
    """Stopped after that many events of a name, it ends with the metrics and the files of a run that was not."""
    whole = make("whole")
    expected = kind.train(spec, whole)
    stopped = make("stopped")
    stopped.stop_requested = lambda: len(stopped.emit.of(event)) >= after
    with pytest.raises(Stopped):
        kind.train(spec, stopped)
    assert len(stopped.emit.of(event)) == after
    assert not list(stopped.artifact.iterdir())
    resumed = make("stopped")
    assert kind.train(spec, resumed) == expected
    assert resumed.emit.of("resumed")
    assert files(resumed.artifact) == files(whole.artifact)


def store(home: Path, kind: str, context: TrainContext, result: Any) -> Path:
    """Promote a finished artifact: the stored model's folder."""
    facts = ModelFacts(metrics=result.metrics, run=str(context.artifact))
    return promote(home, kind, "stored", context.artifact, facts).path


def predictions(predictor: Any, data: LoadedData) -> np.ndarray:
    """The scores of both sides of every held-out comparison that has a winner, winner first: ``[n, 2]``."""
    held = data.validation.take(data.validation.decided)
    table = predictor.score_llms(held.prompts, held.models)
    winner = np.where(held.winner == A, held.model_a, held.model_b)
    loser = np.where(held.winner == A, held.model_b, held.model_a)
    return np.stack([table[winner, held.prompt], table[loser, held.prompt]], axis=1)
