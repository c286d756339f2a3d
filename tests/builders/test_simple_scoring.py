from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from runner import registry
from runner.builders.routing._ratings.margin_scores import MARGIN, Table, _redrawn_rows, loss_of, redrawn_scores
from runner.builders.routing.simple_scoring import training
from runner.data.comparisons import BOTH_BAD, TIE, A, B
from runner.errors import Stopped
from runner.training.optimizers import Adam, AdamW, Muon, make

kind = registry.load("simple_scoring")

OPTIMIZERS = {
    "adam": Adam(optimizer_type="adam", learning_rate=0.02, lr_decay_gamma=0.9),
    "adamw": AdamW(optimizer_type="adamw", learning_rate=0.02, weight_decay=0.995),
    "slow": Adam(optimizer_type="adam", learning_rate=0.002),
    "muon": Muon(optimizer_type="muon", adamw_lr=0.02),
}


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """Intervals are most of a small run's work; the tests that look at them ask for more."""
    monkeypatch.setattr(training, "DRAWS", 4)


def spec(optimizer="adam", **fields):
    return kind.Spec(
        model_type="simple_scoring", optimizer=OPTIMIZERS[optimizer], **({"min_model_occurrences": 1} | fields)
    )


def test_the_loss_is_torchs_margin_ranking_loss_and_two_hinges(toolbox):
    data = toolbox.synthetic(64, 5)
    scores = torch.linspace(-0.2, 0.2, 5, dtype=torch.float64)
    a, b = scores[data.model_a.tolist()], scores[data.model_b.tolist()]
    winner = torch.from_numpy(data.winner)
    decided = winner <= B
    label = 1.0 - 2.0 * (winner[decided] == B).double()
    expected = torch.nn.functional.margin_ranking_loss(a[decided], b[decided], label, margin=0.1)
    tie, bad = winner == TIE, winner == BOTH_BAD
    expected += 0.3 * (torch.relu(0.05 - a[tie]).mean() + torch.relu(0.05 - b[tie]).mean())
    expected += 0.3 * (torch.relu(a[bad] + 0.05).mean() + torch.relu(b[bad] + 0.05).mean())
    found = loss_of(scores[None], Table(data, "cpu"), torch.arange(64)[None], 0.05, 0.3)
    assert found.shape == (1,) and float(found) == pytest.approx(float(expected), rel=1e-12)
    assert MARGIN == 0.1


@pytest.mark.parametrize("winner", [A, B, TIE, BOTH_BAD])
def test_a_batch_of_one_kind_of_outcome_has_a_loss(toolbox, winner):
    data = toolbox.outcomes(*[("x", "y", winner)] * 3)
    loss = loss_of(torch.zeros(1, 2, dtype=torch.float64), Table(data, "cpu"), torch.arange(3)[None], 0.01, 0.5)
    assert float(loss) == pytest.approx(0.1 if winner <= B else 0.01)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "muon"])
def test_it_learns_who_is_better(data, context_for, optimizer):
    context = context_for(data, epochs=8)
    result = kind.train(spec(optimizer), context)
    scores = kind.Predictor.load(context.artifact).scores
    assert {row["model"] for row in result.tables["leaderboard"][:3]} == {"llm-3", "llm-4", "llm-5"}
    assert np.corrcoef(scores, np.arange(6))[0, 1] > 0.9
    losses = [event["metrics"]["train_loss"] for event in context.emit.of("epoch")]
    assert losses[-1] < losses[0]


def test_the_best_epoch_is_kept(data, context_for):
    context = context_for(data, epochs=8)
    result = kind.train(spec(), context)
    epochs = context.emit.of("epoch")
    accuracies = [event["metrics"]["accuracy"] for event in epochs]
    assert result.best_epoch == 1 + int(np.argmax(accuracies)) and result.epochs == 8
    assert result.metrics["accuracy"] == max(accuracies)
    best = [event["epoch"] for event in epochs if event["best"]]
    assert best[-1] == result.best_epoch and best[0] == 1


def test_the_last_epoch_is_kept_where_nothing_is_held_out(toolbox, comparisons, context_for):
    result = kind.train(spec(), context_for(toolbox.split(comparisons, 0.0), epochs=3))
    assert result.best_epoch == 3 and result.metrics["accuracy"] is None


def test_the_learning_rate_decays_by_epoch(data, context_for):
    context = context_for(data, epochs=3)
    kind.train(spec(), context)
    rates = [event["metrics"]["learning_rate"] for event in context.emit.of("epoch")]
    assert rates == pytest.approx([0.02, 0.018, 0.0162])


@pytest.mark.parametrize(
    ("optimizer", "asked"), [("adam", 1), ("adam", 20), ("adamw", 39), ("muon", 90), ("adam", 117)]
)
@pytest.mark.slow
@pytest.mark.warm
def test_a_stopped_run_resumes_to_the_same_scores(data, context_for, optimizer, asked):
    whole = context_for(data, "whole", epochs=3)
    expected = kind.train(spec(optimizer), whole)

    looks = iter(range(1, 10_000))
    stopped = context_for(data, "stopped", epochs=3, stop_requested=lambda: next(looks) == asked)
    with pytest.raises(Stopped):
        kind.train(spec(optimizer), stopped)
    # 38 batches an epoch with a look before each, and one look after it.
    finished = asked // 39
    assert stopped.checkpoints.latest().step == finished
    resumed = context_for(data, "stopped", epochs=3)
    assert kind.train(spec(optimizer), resumed) == expected
    assert [event["epoch"] for event in resumed.emit.of("epoch")] == [1, 2, 3][finished:]
    for name in ("scores.safetensors", "model.json"):
        assert (resumed.artifact / name).read_bytes() == (whole.artifact / name).read_bytes()


def test_samples_trained_together_are_trained_as_one_by_one(toolbox):
    data = toolbox.synthetic(60, 4)
    table, optimizer = Table(data, "cpu"), OPTIMIZERS["adam"]
    together = redrawn_scores(
        data, table, np.zeros(4), np.ones(4), optimizer, 0.01, 0.01, 2, 20, True, draws=5, seed=3
    )  # fmt: skip
    rows = torch.from_numpy(_redrawn_rows(data, 120, True, 5, 3).astype(np.int64))
    for number in range(5):
        scores = torch.nn.Parameter(torch.zeros(1, 4, dtype=torch.float64))
        one = make(optimizer, [("scores", scores)])
        for step, batch in enumerate(rows[number : number + 1].split(20, dim=1)):
            one.zero_grad()
            loss_of(scores, table, batch, 0.01, 0.01).sum().backward()
            one.step()
            if step % 3 == 2:
                one.end_epoch()
        np.testing.assert_allclose(together[number], scores.detach().numpy()[0], atol=1e-12)


def test_the_intervals_hold_the_scores(data, context_for, monkeypatch):
    monkeypatch.setattr(training, "DRAWS", 100)
    # Small steps: with large ones the noise of the last batches moves all scores together.
    rows = kind.train(spec("slow"), context_for(data, epochs=6)).tables["leaderboard"]
    assert all(row["low"] < row["score"] < row["high"] for row in rows)


def test_it_goes_on_from_a_stored_model_by_name(toolbox, data, context_for):
    first = context_for(data, "first", epochs=6)
    kind.train(spec(), first)
    before = kind.Predictor.load(first.artifact)
    stored = dict(zip(before.models, before.scores, strict=True))
    new = toolbox.split(toolbox.outcomes(*[("newcomer", "llm-5", A)] * 12, ("llm-4", "llm-5", A)), 0.0)
    second = context_for(new, "second", epochs=1, start_from=first.artifact)
    result = kind.train(spec(), second)
    after = kind.Predictor.load(second.artifact)
    scores = dict(zip(after.models, after.scores, strict=True))
    assert set(scores) == {*stored, "newcomer"}
    # One batch: a step of Adam for the three in the data, none for the others.
    assert all(scores[name] == stored[name] for name in ("llm-0", "llm-1", "llm-2", "llm-3"))
    assert scores["llm-5"] == pytest.approx(stored["llm-5"] - 0.02, abs=1e-6)
    assert scores["newcomer"] == pytest.approx(0.02, abs=1e-6)
    assert {row["model"] for row in result.tables["leaderboard"]} == {"newcomer", "llm-4", "llm-5"}


def test_a_batch_larger_than_the_data_is_the_data(data, context_for):
    context = context_for(data, epochs=2, batch_size=10**6)
    kind.train(spec(), context)
    assert [event["done"] for event in context.emit.of("progress")] == [1200, 1200]


def test_the_document_is_read_as_it_is_written():
    document = {
        "model_type": "simple_scoring",
        "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.001, "betas": [0.9, 0.999], "eps": 1e-8},
    }
    read = kind.Spec.model_validate_json(json.dumps(document))
    assert (read.tie_both_bad_epsilon, read.non_ranking_loss_coeff, read.min_model_occurrences) == (0.01, 0.01, 1000)
    assert read.balance_model_samples is True
