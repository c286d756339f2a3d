"""Divergences of a model from another against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from runner.builders.language._learning import divergences

TEACHER = torch.tensor([[2.0, 0.5, -1.0], [0.0, 1.0, 3.0]])
STUDENT = torch.tensor([[1.0, 1.0, 0.0], [0.5, 0.5, 1.0]])


def odds(logits: torch.Tensor, temperature: float = 1.0) -> np.ndarray:
    powers = np.exp(logits.double().numpy() / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def kl(one: np.ndarray, other: np.ndarray) -> list[float]:
    return (one * np.log(one / other)).sum(axis=1).tolist()


@pytest.mark.parametrize(("temperature", "mean"), [(1.0, 0.313868), (2.0, 0.107735)])
def test_forward_kl_is_that_of_the_published_figures(temperature, mean):
    found = divergences.divergence(STUDENT, TEACHER, "forward_kl", temperature)
    assert found.mean().item() == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_divergences_are_their_closed_forms(temperature):
    teacher, student = odds(TEACHER, temperature), odds(STUDENT, temperature)
    found = {
        sort: divergences.divergence(STUDENT, TEACHER, sort, temperature, 0.3).tolist()
        for sort in ("forward_kl", "reverse_kl", "jsd")
    }
    assert found["forward_kl"] == pytest.approx(kl(teacher, student), abs=1e-6)
    assert found["reverse_kl"] == pytest.approx(kl(student, teacher), abs=1e-6)
    mixed = 0.3 * teacher + 0.7 * student
    by_hand = 0.3 * np.array(kl(teacher, mixed)) + 0.7 * np.array(kl(student, mixed))
    assert found["jsd"] == pytest.approx(by_hand.tolist(), abs=1e-6)


def test_a_token_that_a_teacher_rules_out_counts_nothing_and_breaks_nothing():
    teacher = torch.tensor([[0.0, -torch.inf, 0.0]])
    student = STUDENT[:1].clone().requires_grad_()
    found = divergences.divergence(student, teacher, "forward_kl")
    found.sum().backward()
    assert torch.isfinite(found).all() and torch.isfinite(student.grad).all()
