"""The key-value cache of lines that are decoded together, and what the model was fed of each."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import pad

from runner.builders.language._answering.preallocated_layer import PreallocatedLayer, preallocated


class FedLines:
    """Prompts side by side, padded on the left, and what follows them."""

    def __init__(self, model: Any, prompts: Sequence[list[int]], padding: int) -> None:
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._model, self._padding = model, padding
        # A model of states keeps no keys and values that lines could be taken from: it is fed everything anew.
        self._cached = not getattr(inner, "_is_stateful", False)
        self._positioned = "position_ids" in inspect.signature(inner.forward).parameters
        width, device = max(map(len, prompts)), model.device
        self._ids = torch.tensor([[padding] * (width - len(row)) + row for row in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=device)
        # Lines of one length need no mask.
        self._mask = None if bool(mask.all()) else mask
        self._width = width
        self._past: Any = None
        #: Whether lines have joined: only then is padding cut that no line needs any more.
        self._united = False

    def logits(self) -> torch.Tensor:
        """Of the next token of every line, float32 ``[B, V]``."""
        words: dict[str, Any] = {"input_ids": self._ids, "attention_mask": self._mask, "logits_to_keep": 1}
        if self._mask is not None and self._positioned:
            positions = (self._mask.cumsum(dim=1) - 1).clamp(min=0)
            words["position_ids"] = positions[:, -self._ids.shape[1] :]
        if self._cached:
            words |= {"past_key_values": self._past, "use_cache": True}
        out = self._model(**words)
        if self._cached:
            self._past = out.past_key_values if self._past is not None else preallocated(out.past_key_values)
        logits: torch.Tensor = out.logits[:, -1].float()
        return logits

    def add(self, tokens: torch.Tensor) -> None:
        """One token more of every line, int64 ``[B]``."""
        new = tokens.unsqueeze(1)
        self._ids = new if self._cached else torch.cat([self._ids, new], dim=1)
        self._width += 1
        if self._mask is not None:
            self._mask = torch.cat([self._mask, torch.ones_like(new)], dim=1)

    def keep(self, lines: list[int]) -> None:
        """Only these lines from now on."""
        picked = torch.tensor(lines, device=self._ids.device)
        self._ids = self._ids[picked]
        if self._mask is not None:
            self._mask = self._mask[picked]
        if self._past is not None:
            self._past.batch_select_indices(picked)
        if self._united:
            self._cut()

    @property
    def unites(self) -> bool:
        """Whether others can be put beside it: what its layers keep is keys and values of every token, no window."""
        if not self._cached:
            return True
        from transformers.cache_utils import DynamicCache

        past = self._past
        return type(past) is DynamicCache and all(type(layer) is PreallocatedLayer for layer in past.layers)

    def unite(self, other: FedLines) -> None:
        """Put the other's lines below these. Both have been computed to their last token that was fed."""
        width = max(self._width, other._width)
        masks = [self._masked(width), other._masked(width)]
        if self._cached:
            for layer, beside in zip(self._kept(), other._kept(), strict=True):
                for name in ("keys", "values"):
                    parts = (getattr(layer, name), getattr(beside, name))
                    setattr(layer, name, torch.cat([pad(part, (0, 0, width - part.shape[-2], 0)) for part in parts]))
            # What was fed last is in the cache, and is replaced by what is fed next.
            self._ids = torch.cat([self._ids[:, -1:], other._ids[:, -1:]])
        else:
            whole = (self._ids, other._ids)
            self._ids = torch.cat([pad(ids, (width - ids.shape[1], 0), value=self._padding) for ids in whole])
        self._mask, self._width, self._united = torch.cat(masks), width, True
        self._cut()

    def _kept(self) -> list[Any]:
        """The layers' keys and values. Layers that use those of others have none."""
        return [layer for layer in self._past.layers if layer.is_initialized] if self._cached else []

    def _masked(self, width: int) -> torch.Tensor:
        """The mask, padded to a width on the left."""
        rows, device = len(self._ids), self._ids.device
        own = self._mask
        if own is None:
            own = torch.ones((rows, self._width), dtype=torch.int64, device=device)
        return pad(own, (width - own.shape[1], 0))

    def _cut(self) -> None:
        """Leave out what is padding in every line, and the mask where nothing is padded then."""
        if self._mask is None:
            return
        first = int(self._mask.any(dim=0).int().argmax())
        if first:
            self._mask = self._mask[:, first:]
            self._width -= first
            for layer in self._kept():
                layer.keys, layer.values = layer.keys[..., first:, :], layer.values[..., first:, :]
            if not self._cached:
                self._ids = self._ids[:, first:]
        if bool(self._mask.all()):
            self._mask = None
