"""The seed of a run, as its spec says it, and every generator begun with it."""

from __future__ import annotations

from runner.spec.envelope import TrainingSpec
from runner.training.threads import wanted_threads


def seed_of(spec: TrainingSpec) -> int:
    """The run's seed: the kind's own ``seed`` where it has one, else the data's."""
    for section in (spec.model.spec, spec.data):
        seed = getattr(section, "seed", None)
        if seed is not None:
            return int(seed)
    return 42


def seed_everything(seed: int, uses_torch: bool) -> None:
    """Seed every generator that a library might draw from behind a builder's back.

    torch takes seconds to import: a kind that does without it trains without it.
    """
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)
    if not uses_torch:
        return
    import torch

    torch.manual_seed(seed)
    # `use_deterministic_algorithms` would import the compiler too, for a second and a half.
    torch.set_deterministic_debug_mode("warn")
    if (threads := wanted_threads()) is not None:
        torch.set_num_threads(threads)
