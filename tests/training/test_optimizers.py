from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from runner.tasks.ranking.balancing import draw, epoch_order, pair_weights
from runner.training.optimizers import Adam, Muon, OptimizerSpec, make

SPECS: Any = TypeAdapter(OptimizerSpec)


def read(**fields: Any) -> Any:
    return SPECS.validate_json(json.dumps(fields), strict=True)


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.model_embedding = torch.nn.Embedding(5, 4)
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.LayerNorm(8), torch.nn.Linear(8, 2))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.layers(self.model_embedding(ids))


def steps(net: Net, optimizer: Any, first: int, last: int) -> None:
    for number in range(first, last):
        ids = torch.tensor([number % 5, (number * 3 + 1) % 5])
        optimizer.zero_grad()
        net(ids).square().sum().backward()
        optimizer.step()
        optimizer.end_epoch()


def test_the_defaults_are_the_documented_ones():
    assert read(optimizer_type="adam") == Adam(
        optimizer_type="adam", learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, lr_decay_gamma=None
    )
    assert read(optimizer_type="adamw").weight_decay == 0.01
    muon = read(optimizer_type="muon")
    assert isinstance(muon, Muon)
    assert (muon.learning_rate, muon.momentum, muon.nesterov, muon.adamw_lr) == (0.02, 0.95, True, 3e-4)


@pytest.mark.parametrize(
    "fields",
    [
        {"optimizer_type": "sgd"},
        {},
        {"optimizer_type": "adam", "learning_rate": 0},
        {"optimizer_type": "adam", "learning_rate": "0.1"},
        {"optimizer_type": "adam", "lr_decay_gamma": 0},
        {"optimizer_type": "adam", "lr_decay_gamma": 1.01},
        {"optimizer_type": "adamw", "betas": [0.9]},
        {"optimizer_type": "adamw", "betas": [0.9, 1.0]},
        {"optimizer_type": "adamw", "weight_decay": -0.1},
        {"optimizer_type": "adamw", "momentum": 0.9},
        {"optimizer_type": "muon", "nesterov": 1},
    ],
)
def test_what_is_no_optimizer_is_refused(fields):
    with pytest.raises(ValidationError):
        read(**fields)


def test_documents_in_the_wild_are_read():
    assert read(optimizer_type="adamw", learning_rate=0.0001, weight_decay=0.995).weight_decay == 0.995
    assert read(optimizer_type="adamw", lr_decay_gamma=None, betas=[0, 0.5]).betas == (0, 0.5)
    assert read(optimizer_type="adam", lr_decay_gamma=1).lr_decay_gamma == 1


@pytest.mark.parametrize("kind", ["adam", "adamw", "muon"])
def test_a_resumed_optimizer_takes_the_same_steps(kind):
    spec = read(optimizer_type=kind, lr_decay_gamma=0.9)
    whole = Net()
    steps(whole, make(spec, whole.named_parameters()), 0, 9)

    first = Net()
    optimizer = make(spec, first.named_parameters())
    steps(first, optimizer, 0, 4)
    tensors, state = optimizer.state()
    # The way through files: numpy arrays, and JSON.
    tensors = {name: tensor.numpy().copy() for name, tensor in tensors.items()}
    state = json.loads(json.dumps(state))
    second = Net()
    second.load_state_dict(first.state_dict())
    again = make(spec, second.named_parameters())
    again.load_state(tensors | {"scores": np.zeros(3)}, state)
    assert again.learning_rate == optimizer.learning_rate
    steps(second, again, 4, 9)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


@pytest.mark.parametrize("kind", ["adam", "adamw", "muon"])
def test_a_fused_optimizer_takes_the_same_steps_and_goes_on_to_the_bit(kind):
    plain, fused, resumed = Net(), Net(), Net()
    spec = read(optimizer_type=kind)
    steps(plain, make(spec, plain.named_parameters()), 0, 6)
    optimizer = make(spec, fused.named_parameters(), fused=True)
    steps(fused, optimizer, 0, 3)
    kept, weights = optimizer.state(), {name: value.clone() for name, value in fused.state_dict().items()}
    steps(fused, optimizer, 3, 6)
    resumed.load_state_dict(weights)
    again = make(spec, resumed.named_parameters(), fused=True)
    again.load_state(*kept)
    steps(resumed, again, 3, 6)
    for name, value in fused.state_dict().items():
        torch.testing.assert_close(value, plain.state_dict()[name])
        assert torch.equal(value, resumed.state_dict()[name])


def test_a_saved_state_does_not_move_with_the_optimizer():
    net = Net()
    optimizer = make(read(optimizer_type="adam"), net.named_parameters())
    steps(net, optimizer, 0, 2)
    tensors, _ = optimizer.state()
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    steps(net, optimizer, 2, 4)
    assert all(torch.equal(tensors[name], before[name]) for name in tensors)


def test_the_slots_of_another_model_are_refused():
    net = Net()
    optimizer = make(read(optimizer_type="adam"), net.named_parameters())
    with pytest.raises(KeyError, match="elsewhere"):
        optimizer.load_state({"optimizer/elsewhere/exp_avg": np.zeros(2)}, {"learning_rates": [[0.1]]})


def test_muon_has_the_matrices_and_adamw_the_rest():
    net = Net()
    optimizer = make(read(optimizer_type="muon", weight_decay=0.3), net.named_parameters())
    muon, adamw = optimizer.parts
    assert isinstance(muon, torch.optim.Muon) and isinstance(adamw, torch.optim.AdamW)
    assert {name for _, name in optimizer._of(muon)} == {"layers.0.weight", "layers.2.weight"}
    assert {name for _, name in optimizer._of(adamw)} == {
        "model_embedding.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "layers.2.bias",
    }  # fmt: skip
    assert (muon.param_groups[0]["lr"], adamw.param_groups[0]["lr"]) == (0.02, 3e-4)
    assert muon.param_groups[0]["weight_decay"] == adamw.param_groups[0]["weight_decay"] == 0.3


def test_muon_leaves_named_tables_and_frozen_weights_alone():
    net = Net()
    net.layers[0].weight.requires_grad_(False)
    optimizer = make(read(optimizer_type="muon"), net.named_parameters(), embeddings={"layers.2.weight"})
    assert len(optimizer.parts) == 1 and isinstance(optimizer.parts[0], torch.optim.AdamW)
    assert "layers.0.weight" not in {name for _, name in optimizer._of(optimizer.parts[0])}


@pytest.mark.parametrize("kind", ["adam", "adamw", "muon"])
def test_the_learning_rate_decays_as_torch_has_it(kind):
    net = Net()
    optimizer = make(read(optimizer_type=kind, lr_decay_gamma=0.8, learning_rate=0.05), net.named_parameters())
    other = torch.optim.SGD(Net().parameters(), lr=0.05)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(other, 0.8)
    for _ in range(5):
        assert optimizer.learning_rate == pytest.approx(other.param_groups[0]["lr"], rel=1e-12)
        optimizer.end_epoch()
        other.step()
        scheduler.step()


def test_adam_is_torchs():
    first, second = Net(), Net()
    spec = read(optimizer_type="adam", learning_rate=0.01, betas=[0.8, 0.9], eps=1e-6, weight_decay=0.1)
    optimizer = make(spec, first.named_parameters())
    reference = torch.optim.Adam(second.parameters(), lr=0.01, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.1)
    reference.end_epoch = lambda: None  # type: ignore[attr-defined]
    steps(first, optimizer, 0, 5)
    steps(second, reference, 0, 5)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_a_pairs_weight_is_the_inverse_frequency_of_its_rarer_llm():
    a, b = np.array([0, 0, 0, 1]), np.array([1, 1, 2, 2])
    # LLM 0 is in three comparisons, 1 in three, 2 in two.
    assert pair_weights(a, b).tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 2, 1 / 2])


def test_an_epoch_without_weights_is_a_permutation():
    order = epoch_order(50, np.random.default_rng(1))
    assert sorted(order.tolist()) == list(range(50)) and order.tolist() != list(range(50))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 10), min_size=1, max_size=20).filter(lambda w: sum(w) > 0.1), st.integers(0, 99))
def test_rows_are_drawn_in_proportion_to_their_weights(weights, seed):
    values = np.array(weights)
    rows = draw(values, 4000, np.random.default_rng(seed))
    share = np.bincount(rows, minlength=len(values)) / 4000
    assert (share[values == 0] == 0).all()
    assert np.abs(share - values / values.sum()).max() < 0.05
