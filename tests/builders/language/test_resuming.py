"""A training that is stopped anywhere, within an epoch or while it measures, goes on to the same bytes."""

from __future__ import annotations

import pytest
import torch

from runner.errors import Stopped
from tests.builders.language.conftest import REINFORCED, ROWS, Asked, weights

#: Two batches make a step, and the last of an epoch has fewer rows. Dropout and noise draw from a generator.
FIELDS = {
    "evaluation": {"every": 2},
    "gradient_accumulation": 2,
    "finetuning_spec": {"method": "lora", "rank": 4, "dropout": 0.2},
}
SAMPLED = {"on_policy": {"share": 0.5, "max_new_tokens": 2}}
#: Answers are learned from twice: a stop may come between.
TWICE = {"passes": 2, "max_length": 64, "max_new_tokens": 2}
NOISE = {"neftune_noise_alpha": 5.0}


#: Each kind does, by the long tests; the first of them by the quick ones too.
FIRST, *OTHERS = ROWS
LONG = [pytest.mark.slow, pytest.mark.warm]


@pytest.mark.parametrize("kind", [FIRST, *(pytest.param(kind, marks=LONG) for kind in OTHERS)])
def test_stopped_within_an_epoch_it_goes_on_to_the_same_bytes(trained, kind):
    fields = FIELDS | ({} if kind == "reward" else NOISE) | (SAMPLED if kind == "distillation" else {})
    fields |= TWICE if kind in REINFORCED else {}
    spent = {"epochs": 1 if kind in REINFORCED else 2, "batch_size": 2}
    counted = Asked()
    whole, one = trained(kind, "whole", context=spent | {"stop_requested": counted}, **fields)
    theirs = weights(one.artifact)
    stops = range(counted.count // 4, counted.count, max(1, counted.count // 3))
    steps = set()
    for number in stops:
        name = f"stopped-{number}"
        with pytest.raises(Stopped):
            trained(kind, name, context=spent | {"stop_requested": Asked(number)}, **fields)
        again, other = trained(kind, name, context=spent, **fields)
        steps |= {event["step"] for event in other.emit.of("resumed")}
        assert again.metrics == whole.metrics
        ours = weights(other.artifact)
        assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    assert len(steps) > 1, "it went on from different steps"
