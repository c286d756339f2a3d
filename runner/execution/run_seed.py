"""The seed of a run, as its spec says it."""

from __future__ import annotations

from runner.spec.envelope import TrainingSpec


def seed_of(spec: TrainingSpec) -> int:
    """The run's seed: the kind's own ``seed`` where it has one, else the data's."""
    for section in (spec.model.spec, spec.data):
        seed = getattr(section, "seed", None)
        if seed is not None:
            return int(seed)
    return 42
