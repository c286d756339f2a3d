"""Models that a training can start from: those on this machine first."""

from __future__ import annotations

from dataclasses import dataclass

from runner.workspace import Workspace


@dataclass(frozen=True)
class Offer:
    """A model to choose."""

    value: str
    title: str
    note: str = ""


def models_for(kind: str, workspace: Workspace) -> list[Offer]:
    """What a kind can start from, what needs no network first. The kind's own example is among them."""
    from runner.training import made_models

    return [Offer(name, name, "tiny, made here: to try things out") for name in made_models.DRAWN if kind]
