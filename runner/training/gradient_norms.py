"""How large the gradient is in each part of a network, mean over the batches of an epoch."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from runner.training.network_parts import parts_of

if TYPE_CHECKING:
    import torch

#: Its key in the state of a training, where an epoch is left in its middle.
STATE = "gradient_norms"


class GradientNorms:
    """Adds up, batch by batch, the Euclidean norm of every part's gradient, before it is clipped.

    What it knows goes into a checkpoint's ``state``, so that a resumed epoch has the same means to the bit.
    """

    def __init__(self, module: torch.nn.Module, device: str, state: MutableMapping[str, Any]) -> None:
        import torch

        trained = {
            name: [(parameter, index) for parameter, index in own if parameter.requires_grad]
            for name, own in parts_of(module).items()
        }
        self._parts = {name: own for name, own in trained.items() if own}
        self._device, self._state = device, state
        known = state.get(STATE) or {}
        sums = [float(known.get("sums", {}).get(name, 0.0)) for name in self._parts]
        self._sums = torch.tensor(sums, dtype=torch.float64, device=device)
        self._batches = int(known.get("batches", 0))

    def add(self) -> None:
        """Count the gradients that are there now. On a GPU nothing waits for them."""
        import torch

        norms = []
        for own in self._parts.values():
            gradients = [parameter.grad[index] for parameter, index in own if parameter.grad is not None]
            norms.append(torch.nn.utils.get_total_norm(gradients).double().to(self._device))
        # A batch whose gradients overflowed in float16 is no step either.
        self._sums += torch.nan_to_num(torch.stack(norms), nan=0.0, posinf=0.0)
        self._batches += 1

    def look(self) -> None:
        """Write what is known into the state."""
        sums = dict(zip(self._parts, self._sums.tolist(), strict=True))
        self._state[STATE] = {"sums": sums, "batches": self._batches}

    def end_epoch(self) -> dict[str, float]:
        """The epoch's means, ``gradient_norm/PART``; the next one begins from nothing."""
        means = (self._sums / max(1, self._batches)).tolist()
        self._sums.zero_()
        self._batches = 0
        self._state.pop(STATE, None)
        return {f"gradient_norm/{name}": value for name, value in zip(self._parts, means, strict=True)}
