"""The parts of a network by name, such as what reads the prompt: of which a training may tell apart what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

#: Some weights by part: each a parameter, and the index of what is meant of it, ``...`` for all.
Parts = Mapping[str, Sequence[tuple["torch.Tensor", Any]]]
#: The part that joins the others.
REST = "interaction"


def by_prefix(module: torch.nn.Module, prefixes: Mapping[str, Sequence[str]]) -> dict[str, list[tuple[Any, Any]]]:
    """The parts whose parameters' names begin so, in their order; all other parameters are :data:`REST`."""
    parts: dict[str, list[tuple[Any, Any]]] = {part: [] for part in (*prefixes, REST)}
    for name, parameter in module.named_parameters():
        part = next((part for part, own in prefixes.items() if name.startswith(tuple(own))), REST)
        parts[part].append((parameter, ...))
    return parts


def parts_of(module: torch.nn.Module) -> Parts:
    """What the module's own ``parts()`` says; of one that has none, its direct children."""
    own = getattr(module, "parts", None)
    if own is not None:
        found: Parts = own()
        return found
    return {name: [(parameter, ...) for parameter in child.parameters()] for name, child in module.named_children()}
