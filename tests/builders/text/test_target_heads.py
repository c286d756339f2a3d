"""Weights of classes, and numbers as they are learned."""

from __future__ import annotations

import numpy as np
import torch

from runner.builders._finetuning.supervised_heads import class_loss
from runner.builders.text._labelled.target_heads import Targets, class_weights
from runner.data.labelled_texts.labelled_side import LabelledSide


def side(targets, classes, many=False) -> LabelledSide:
    n = len(next(iter(targets.values())))
    return LabelledSide([("x",)] * n, False, targets, classes, many, np.arange(n, dtype=np.uint64), np.arange(n))


def test_balanced_weights_give_each_class_the_same_mass():
    rows = side({"y": np.array([0, 0, 0, 1])}, {"y": ("a", "b")})
    assert class_weights("balanced", Targets.of(rows), rows).tolist() == [4 / 6, 2.0]
    labels = side({"x": np.array([1, 0, 0, 0])}, {"x": ("no", "yes")}, many=True)
    assert class_weights("balanced", Targets.of(labels), labels).tolist() == [3.0]


def test_numbers_come_back_from_what_was_learned_of_them():
    rows = side({"y": np.array([10.0, 20.0, 60.0])}, {"y": ()})
    targets = Targets.of(rows)
    learned = targets.matrix(rows)
    assert np.allclose([learned.mean(), learned.std()], [0, 1])
    assert np.allclose(targets.answers(learned)["y"], rows.targets["y"])
    assert Targets.read(targets.document()) == targets


def test_numbers_that_are_all_one_are_learned_as_they_are():
    assert Targets.of(side({"y": np.full(3, 7.0)}, {"y": ()})).scales == {"y": (7.0, 1.0)}


def test_the_loss_of_classes_is_the_librarys():
    logits, classes = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 2, 1, 1, 0])
    theirs = torch.nn.functional.cross_entropy(logits, classes, label_smoothing=0.2, reduction="sum")
    assert torch.allclose(class_loss(logits, classes, torch.ones(3), 0.2), theirs)
