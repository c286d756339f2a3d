"""Losses of tokens against their closed forms, and their sum whole and in parts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from runner.builders.language._learning import divergences
from runner.builders.language._learning import token_losses as losses
from runner.builders.language._learning.composed_losses import Composition, OfTokens, Term
from runner.builders.language._learning.frozen_models import Read
from runner.builders.language._rows.packing import packed
from runner.builders.language._rows.token_rows import TokenRows

STUDENT = torch.tensor([[1.0, 1.0, 0.0], [0.5, 0.5, 1.0]])
TOKENS = torch.tensor([0, 2])


def odds(logits: torch.Tensor, temperature: float = 1.0) -> np.ndarray:
    powers = np.exp(logits.double().numpy() / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def test_losses_of_the_token_that_is_there_are_their_closed_forms():
    log_probs = torch.log_softmax(STUDENT, dim=-1)
    own = odds(STUDENT)[[0, 1], TOKENS.numpy()]
    nats = -np.log(own)
    assert losses.cross_entropy(log_probs, TOKENS).tolist() == pytest.approx(nats.tolist(), abs=1e-6)
    smoothed = 0.9 * nats - 0.1 * np.log(odds(STUDENT)).mean(axis=1)
    assert losses.label_smoothing(log_probs, TOKENS, 0.1).tolist() == pytest.approx(smoothed.tolist(), abs=1e-6)
    focal = (1 - own) ** 2 * nats
    assert losses.focal(log_probs, TOKENS, 2.0).tolist() == pytest.approx(focal.tolist(), abs=1e-6)
    assert losses.focal(log_probs, TOKENS, 0.0).tolist() == pytest.approx(nats.tolist(), abs=1e-6)


def test_focal_of_a_token_that_is_sure_has_a_gradient_that_is_a_number():
    logits = torch.tensor([[100.0, 0.0]], requires_grad=True)
    losses.focal(torch.log_softmax(logits, dim=-1), torch.tensor([0]), 0.5).sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_contrastive_is_the_mean_over_the_other_tokens_of_the_row():
    vectors = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [5.0, 0.0]])
    found = losses.contrastive(vectors, torch.tensor([0, 0, 0, 1]), 0.5)
    near = 0.5 - 1 + math.sqrt(0.5)
    # The first two are at a right angle, and as near to the third; the fourth is alone in its row.
    assert found.tolist() == pytest.approx([near / 2, near / 2, near, 0.0], abs=1e-6)


def test_tokens_of_packed_rows_are_those_of_the_same_rows_apart():
    rows = TokenRows.of([[1, 2, 3], [4, 5], [6, 7, 8, 9]], [[1.0] * 3, [1.0] * 2, [1.0, 0.0, 1.0, 1.0]])
    apart = rows.batch(np.arange(3), 0, "cpu").owners.tolist()
    shared = packed(rows, [np.array([0, 1]), np.array([2])], 0, "cpu").owners.tolist()
    assert [apart.index(owner) for owner in apart] == [shared.index(owner) for owner in shared] == [0, 0, 2, 3, 3]


@pytest.mark.parametrize("most", [10**6, 17 * 12])
def test_a_sum_in_parts_has_the_values_and_gradients_of_the_whole(most):
    torch.manual_seed(0)
    head, other = torch.nn.Linear(5, 17), torch.nn.Linear(3, 17)
    out, hidden, tokens = torch.randn(8, 5), torch.randn(8, 3), torch.randint(0, 17, (8,))
    told = torch.tensor([1.0, 0.0] * 4)

    def teach(known: OfTokens) -> torch.Tensor:
        return divergences.divergence(known.logits, known.beside[0], "forward_kl", 2.0)

    def learn(known: OfTokens) -> torch.Tensor:
        return losses.cross_entropy(known.log_probs, known.tokens)

    made = Composition((Term(2.8, teach, of_data=False), Term(0.3, learn)))
    known = out.clone().requires_grad_()
    found = made.of_tokens(head, known, tokens, told, [Read(other, hidden)], most)
    found.sum().backward()
    plain = out.clone().requires_grad_()
    logits = head(plain)
    divergence = torch.nn.functional.kl_div(
        torch.log_softmax(logits / 2, -1), torch.softmax(other(hidden) / 2, -1), reduction="none"
    ).sum(-1)
    by_hand = 2.8 * divergence + 0.3 * told * torch.nn.functional.cross_entropy(logits, tokens, reduction="none")
    by_hand.sum().backward()
    torch.testing.assert_close(found, by_hand, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(known.grad, plain.grad, atol=1e-6, rtol=1e-5)
