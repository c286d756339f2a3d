"""What a forward pass computes in."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from runner.training.precision import arithmetic, scales_loss, usable


def multiplied(device: str, precision: Any) -> torch.dtype:
    layer = torch.nn.Linear(4, 4)
    with arithmetic(device, precision):
        return layer(torch.ones(2, 4)).dtype


@pytest.mark.parametrize(
    ("precision", "dtype"), [("auto", torch.float32), ("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_a_cpu_computes_in_what_is_asked_for(precision, dtype):
    events: list[Any] = []
    assert usable(precision, "cpu", "/model/spec/precision", lambda *said, **more: events.append(more)) == precision
    assert multiplied("cpu", precision) == dtype
    assert not events


def test_float16_on_a_cpu_is_float32_and_told_of():
    events: list[Any] = []
    found = usable("float16", "cpu", "/model/spec/precision", lambda *said, **more: events.append((said, more)))
    assert found == "float32"
    ((said, more),) = events
    assert said == ("warning",)
    assert more["pointer"] == "/model/spec/precision"
    assert "float32 here" in more["message"]


def test_only_float16_scales_its_loss():
    assert [scales_loss(each) for each in ("auto", "float32", "bfloat16", "float16")] == [False, False, False, True]
