"""The fine-tuned transformer router: what reaches the score and what does not, stopped and resumed, and continued."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from runner import registry
from runner.builders.routing._neural import transformer_training as training
from runner.builders.routing._neural.interaction import Interaction
from runner.builders.routing.transformer_embedding import Spec
from runner.builders.routing.transformer_embedding import training as kind_training
from runner.contract import LoadedData
from runner.errors import DataError, IntegrityError, Stopped
from runner.training.text_encoder import TrainableEncoder
from runner.training.tokens import Tokens
from tests.training.tiny_models import folder

kind = registry.load("transformer_embedding")
Predictor, train = kind.Predictor, kind.train

PROMPTS = ["hello world", "what is the world and what of it", "a b c d e f g", "zzz"]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny transformer to fine-tune, `bert`, and the same under another name for the LLMs' answers."""
    place = tmp_path_factory.mktemp("pretrained")
    folder(place / "bert")
    return place


@pytest.fixture
def spec(encoders: Path) -> Callable[..., Spec]:
    def make(**fields: Any) -> Spec:
        return Spec.model_validate_json(
            json.dumps(
                {
                    "model_type": "transformer_embedding",
                    "transformer_model_name": str(encoders / "bert"),
                    "finetuning_spec": {"method": "lora", "rank": 4},
                    "hidden_dims": [16, 8],
                    "max_length": 16,
                    "embedding_spec": {"embedding_type": "frozen", "encoder_model_name": str(encoders / "bert"),
                                       "hidden_dims": [8]},
                    "embedding_model_epochs": 1,
                    "min_model_comparisons": 1,
                    "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.003, "lr_decay_gamma": 0.9},
                }
                | fields
            )
        )  # fmt: skip

    return make


@pytest.fixture
def small(toolbox: Any) -> LoadedData:
    """Comparisons of six LLMs on prompts of different lengths, each LLM with words of its own."""
    made = toolbox.synthetic(n=160, per_prompt=2, seed=1)
    words = ["a", "b", "hello", "what", "the", "world"]
    prompts = tuple(" ".join(words[(at + i) % 6] for i in range(1 + at % 12)) for at in range(len(made.prompts)))
    made = replace(
        made,
        prompts=tuple(f"{text} {'a b'[at % 3 : at % 3 + 1]} {at}" for at, text in enumerate(prompts)),
        responses_a=tuple(f"{words[m]} {words[m]} of" for m in made.model_a),
        responses_b=tuple(f"{words[m]} {words[m]} of" for m in made.model_b),
    )
    return toolbox.split(made)


def trained(spec: Spec, context: Any) -> tuple[Any, Predictor]:
    for left in context.artifact.parent.glob("artifact"):
        shutil.rmtree(left)
    context.artifact.mkdir()
    return train(spec, context), Predictor.load(context.artifact)


def contents(artifact: Path) -> dict[str, bytes]:
    return {path.relative_to(artifact).as_posix(): path.read_bytes() for path in artifact.rglob("*") if path.is_file()}


def test_it_trains_scores_and_loads_from_its_folder_alone(spec, small, context_for, encoders, tmp_path):
    own = Path(shutil.copytree(encoders / "bert", tmp_path / "bert"))
    context = context_for(small, epochs=2)
    result, predictor = trained(spec(transformer_model_name=str(own)), context)
    shutil.rmtree(own)
    assert {"accuracy", "log_loss", "calibration_error", "temperature", "n_models"} <= result.metrics.keys()
    assert list(predictor.models) == list(small.train.models)
    table = predictor.score_llms(PROMPTS, [*small.train.models, "stranger"], 2)
    assert table.shape == (7, 4) and table.dtype == np.float64
    assert np.isnan(table[-1]).all() and np.isfinite(table[:-1]).all() and (np.abs(table[:-1]) <= 1).all()
    one_by_one = np.hstack([predictor.score_llms([prompt], small.train.models, 1) for prompt in PROMPTS])
    np.testing.assert_allclose(one_by_one, table[:-1], atol=1e-5)
    names = set(contents(context.artifact))
    assert {"encoder/trained.safetensors", "encoder/model.safetensors", "optimizer.safetensors"} <= names
    # The LLMs' answers are read by the same pretrained encoder, which is stored once.
    assert "llm_embedding/encoder/model.safetensors" not in names


def test_the_predictors_scores_are_those_that_training_measured(spec, small, context_for):
    context = context_for(small, epochs=1)
    result, predictor = trained(spec(), context)
    held = small.validation
    table = predictor.score_llms(held.prompts, held.models)
    a, b = table[held.model_a, held.prompt], table[held.model_b, held.prompt]
    right = np.where(held.winner == 0, a > b, b > a)[held.decided]
    assert result.metrics["accuracy"] == pytest.approx(right.mean())


@pytest.mark.parametrize(
    ("stop_after", "fields"), [(2, {"method": "last_layers", "num_layers": 1}), (7, {"method": "qlora", "rank": 4})]
)
@pytest.mark.slow
@pytest.mark.warm
def test_stopped_it_resumes_to_the_same_bytes(spec, small, context_for, stop_after, fields):
    chosen = spec(finetuning_spec=fields)
    whole = context_for(small, "whole", epochs=3)
    result, _ = trained(chosen, whole)

    count, stop = [0], threading.Event()
    broken = context_for(small, "run", epochs=3, stop_requested=stop.is_set)
    learn = training.PromptPairs.sides

    def sides(self: Any, *words: Any) -> Any:
        count[0] += 1
        if count[0] == stop_after:
            stop.set()
        return learn(self, *words)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(training.PromptPairs, "sides", sides)
        trained(chosen, broken)
    resumed = context_for(small, "again", epochs=3)
    resumed.checkpoints = broken.checkpoints
    again, _ = trained(chosen, resumed)
    assert resumed.emit.of("resumed")[-1]["step"] >= stop_after - 1
    assert again.metrics == result.metrics
    assert contents(resumed.artifact) == contents(whole.artifact)


def test_a_stop_while_measuring_keeps_the_epoch(spec, small, context_for):
    whole = context_for(small, "whole", epochs=2)
    trained(spec(), whole)
    stop = threading.Event()
    broken = context_for(small, "run", epochs=2, stop_requested=stop.is_set)
    measured = training.PromptPairs.score

    def score(self: Any, *words: Any) -> Any:
        stop.set()
        return measured(self, *words)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped, match="measuring"):
        patch.setattr(training.PromptPairs, "score", score)
        trained(spec(), broken)
    assert broken.checkpoints.latest().step > 0
    resumed = context_for(small, "again", epochs=2)
    resumed.checkpoints = broken.checkpoints
    trained(spec(), resumed)
    assert contents(resumed.artifact) == contents(whole.artifact)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_started_from_a_stored_model_it_goes_on_with_weights_and_optimizer(spec, small, context_for, method):
    chosen = spec(finetuning_spec={"method": method})
    first = context_for(small, "first", epochs=1)
    _, before = trained(chosen, first)
    second = context_for(small, "second", epochs=1, start_from=first.artifact)
    seen: list[Any] = []
    loop = kind_training.ranking_task

    def look(*words: Any, **named: Any) -> Any:
        task = loop(*words, **named)
        module = task.module
        seen.append({name: value.detach().clone() for name, value in module.named_parameters() if value.requires_grad})
        seen.append(task.start_optimizer)
        return task

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind_training, "ranking_task", look)
        trained(chosen, second)
    stored = TrainableEncoder.stored(first.artifact / "encoder")
    for name, value in stored.trained().items():
        assert torch.equal(seen[0][f"encoder.{name}" if name.startswith("model.") else f"encoder.model.{name}"], value)
    assert seen[1].state["learning_rates"] == [[pytest.approx(0.0027)]]
    steps = {float(value) for name, value in seen[1].tensors.items() if name.endswith("/step")}
    assert steps == {-(-int(small.train.decided.sum()) // 32)}
    assert second.emit.of("stage_epoch") == []
    assert not (
        before.score_llms(PROMPTS, before.models) == Predictor.load(second.artifact).score_llms(PROMPTS, before.models)
    ).all()


def test_an_llm_never_seen_is_scored_by_its_answers(spec, small, context_for):
    context = context_for(small, epochs=1)
    _, predictor = trained(spec(), context)
    known, split = predictor.models[0], small.train
    a, b = np.flatnonzero(split.model_a == 0), np.flatnonzero(split.model_b == 0)
    texts = [split.prompts[split.prompt[row]] for row in (*a, *b)]
    predictor.add_llm(
        "newcomer", texts, [*(split.responses_a[row] for row in a), *(split.responses_b[row] for row in b)]
    )
    predictor.add_llm("other", texts, ["zzz unknown"] * len(texts))
    table = predictor.score_llms(PROMPTS, [known, "newcomer", "other"])
    assert list(predictor.models[-2:]) == ["newcomer", "other"]
    # It answers as the known one did, to the same prompts: it is the same LLM under another name.
    np.testing.assert_allclose(table[1], table[0], atol=1e-5)
    assert np.abs(table[2] - table[0]).max() > 1e-4


def test_a_pretrained_model_that_cannot_do_it_is_told_before_the_llms_are_embedded(spec, small, context_for):
    context = context_for(small)
    with pytest.raises(DataError) as caught:
        train(spec(finetuning_spec={"method": "last_layers", "num_layers": 9}), context)
    assert caught.value.where == "/model/spec/finetuning_spec/num_layers"
    assert context.emit.of("stage_epoch") == []


def test_a_broken_artifact_is_refused(spec, small, context_for):
    context = context_for(small, epochs=1)
    trained(spec(), context)
    (context.artifact / "model.json").write_text("{}")
    with pytest.raises(IntegrityError, match="cannot be read"):
        Predictor.load(context.artifact)


# The network.


def interaction(**words: Any) -> Interaction:
    torch.manual_seed(0)
    return Interaction((6, 4, 5), **({"hidden": [8, 4], "dropout": 0.0, "bounded": True} | words)).eval()


def test_an_llm_has_no_path_of_its_own_to_the_score():
    network = interaction()
    llms = torch.nn.functional.normalize(torch.randn(7, 5), dim=1)
    part = network.prompt_side(torch.randn(1, 6), torch.randn(1, 4))
    assert torch.unique(network.scores(part, network.llm_side(llms))).numel() == 7
    assert torch.unique(network.scores(torch.zeros_like(part), network.llm_side(llms))).numel() == 1


def test_a_table_of_scores_is_its_pairs():
    network = interaction()
    prompts, llms = network.prompt_side(torch.randn(3, 6), torch.randn(3, 4)), network.llm_side(torch.randn(2, 5))
    table = network.scores(prompts, llms)
    hidden = network.head(prompts[2:3] * llms[1:2])
    torch.testing.assert_close(table[2, 1], torch.tanh(network.output(hidden))[0, 0])
    torch.testing.assert_close(network.pairs(prompts[[0, 2]], llms[[1, 0]]), table[[0, 2], [1, 0]])


def test_losses_and_residuals_shape_the_output():
    x = (torch.randn(5, 6), torch.randn(5, 4)), torch.randn(2, 5)
    residual = interaction(residual=True)
    assert (residual.scores(residual.prompt_side(*x[0]), residual.llm_side(x[1])) == 0).all()
    free = interaction(bounded=False)
    with torch.no_grad():
        free.output.weight *= 1e3
    assert free.scores(free.prompt_side(*x[0]), free.llm_side(x[1])).abs().max() > 1


# Pairs of the data.


@pytest.fixture
def pairs(encoders: Path, spec: Callable[..., Spec]) -> training.PromptPairs:
    torch.manual_seed(0)
    encoder = TrainableEncoder.load(encoders / "bert", spec().finetuning_spec, "cpu", 16)
    network = Interaction((16, 3, 4), hidden=[8], dropout=0.0, bounded=True)
    module = training.TransformerScorer(encoder, network)
    rng = np.random.default_rng(0)
    return training.PromptPairs(
        module,
        encoder.tokenize(PROMPTS),
        rng.normal(size=(4, 3)).astype(np.float32),
        rng.normal(size=(5, 4)).astype(np.float32),
        "cpu",
        rng.normal(size=(5, 4)).astype(np.float32),
    )


def test_a_batch_and_a_measurement_give_the_same_scores(pairs):
    pairs.module.eval()
    prompts, one, other = np.array([3, 1, 3, 0]), np.array([0, 4, 2, 2]), np.array([1, 2, 0, 4])
    with torch.no_grad():
        winner, loser = pairs.sides(prompts, torch.from_numpy(one), torch.from_numpy(other))
    np.testing.assert_allclose(pairs.score(prompts, one), winner, atol=1e-6)
    np.testing.assert_allclose(pairs.score(prompts, other), loser, atol=1e-6)


def test_a_prompt_is_encoded_once_a_batch_and_once_a_measurement(pairs, monkeypatch):
    seen: list[int] = []
    batch = TrainableEncoder.batch

    def look(self: Any, tokens: Tokens, rows: np.ndarray) -> Any:
        seen.extend(rows.tolist())
        return batch(self, tokens, rows)

    monkeypatch.setattr(TrainableEncoder, "batch", look)
    ids = torch.zeros(5, dtype=torch.int64)
    pairs.sides(np.array([2, 2, 1, 2, 1]), ids, ids)
    assert sorted(seen) == [1, 2]
    seen.clear()
    for _ in range(2):
        pairs.score(np.array([0, 3, 3, 0]), np.arange(4))
    pairs.score(np.array([3, 1]), np.arange(2))
    assert sorted(seen) == [0, 1, 3]
    pairs.forget()
    pairs.score(np.array([3]), np.arange(1))
    assert sorted(seen) == [0, 1, 3, 3]


@pytest.mark.slow
@pytest.mark.warm
def test_its_precision_is_that_of_training_alone(spec, small, context_for):
    """bfloat16 trains other weights, and float16 on a CPU the ones of float32; both answer in float32."""
    artifacts, warnings = {}, {}
    for precision in ("auto", "float32", "bfloat16", "float16"):
        context = context_for(small, precision, epochs=1)
        _, predictor = trained(spec(precision=precision), context)
        artifacts[precision] = contents(context.artifact)
        warnings[precision] = [event["pointer"] for event in context.emit.of("warning")]
        assert np.isfinite(predictor.score_llms(PROMPTS, small.train.models)).all()
    assert artifacts["auto"] == artifacts["float32"] == artifacts["float16"] != artifacts["bfloat16"]
    assert "/model/spec/precision" in warnings["float16"]
    assert all("/model/spec/precision" not in warnings[each] for each in ("auto", "float32", "bfloat16"))
