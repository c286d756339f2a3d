"""A layer with room behind its keys and values keeps what transformers' own keeps, whatever is done to both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from runner.builders.language._answering.preallocated_layer import AHEAD, PreallocatedLayer, preallocated

HEADS, WIDTH = 2, 3
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, AHEAD + 3)),
        st.tuples(st.just("lines"), st.lists(st.integers(0, 9), min_size=1, max_size=4)),
        st.tuples(st.just("crop"), st.integers(1, 3)),
        st.tuples(st.just("repeat"), st.integers(1, 2)),
        st.tuples(st.just("cut"), st.integers(1, 2)),
        st.tuples(st.just("reset"), st.none()),
    ),
    max_size=8,
)


def cut(layer: DynamicLayer, tokens: int) -> None:
    layer.keys, layer.values = layer.keys[..., tokens:, :], layer.values[..., tokens:, :]


DONE: dict[str, Callable[[DynamicLayer, Any], None]] = {
    "lines": DynamicLayer.batch_select_indices,
    "crop": lambda layer, tokens: layer.crop(-tokens),
    "repeat": DynamicLayer.batch_repeat_interleave,
    "cut": cut,
    "reset": lambda layer, _: layer.reset(),
}


@settings(max_examples=60, deadline=None)
@given(MOVES, st.integers(0, 2**16))
def test_it_keeps_what_the_layer_of_transformers_keeps(moves, seed):
    torch.manual_seed(seed)
    first = DynamicLayer()
    first.update(torch.randn(3, HEADS, 4, WIDTH), torch.randn(3, HEADS, 4, WIDTH))
    layers = [first, PreallocatedLayer.of(first)]
    for move, value in [*moves, ("add", 1)]:
        lines = first.keys.shape[0] if first.is_initialized else 3
        value = torch.tensor([at % lines for at in value]) if move == "lines" else value
        new = torch.randn(2, lines, HEADS, value, WIDTH) if move == "add" else None
        # Nothing of transformers takes tokens from a layer that has too few.
        enough = first.get_seq_length() > 3
        for layer in layers:
            if new is not None:
                layer.update(*new)
            elif enough:
                DONE[move](layer, value)
        assert layers[0].get_seq_length() == layers[1].get_seq_length()
        if first.is_initialized:
            torch.testing.assert_close(layers[1].keys, first.keys, rtol=0, atol=0)
            torch.testing.assert_close(layers[1].values, first.values, rtol=0, atol=0)


def test_tokens_are_written_into_the_room_and_nothing_is_copied():
    layer = PreallocatedLayer()
    layer.update(torch.randn(1, HEADS, 4, WIDTH), torch.randn(1, HEADS, 4, WIDTH))
    place = layer.keys.data_ptr()
    for _ in range(AHEAD):
        layer.update(torch.randn(1, HEADS, 1, WIDTH), torch.randn(1, HEADS, 1, WIDTH))
    assert layer.keys.data_ptr() == place
    layer.update(torch.randn(1, HEADS, 1, WIDTH), torch.randn(1, HEADS, 1, WIDTH))
    assert layer.keys.data_ptr() != place


def test_only_layers_that_keep_every_token_are_replaced():
    past = DynamicCache()
    past.layers = [DynamicLayer(), DynamicSlidingWindowLayer(sliding_window=4)]
    assert [type(layer) for layer in preallocated(past).layers] == [PreallocatedLayer, DynamicSlidingWindowLayer]
    assert preallocated(None) is None
