"""One score per LLM: the share of its decided comparisons that it won. Written before tasks were objects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from runner.contract import ModelSpec, TrainContext, TrainResult, option
from runner.data.comparisons import ComparisonsData

REQUIRES = ("numpy", "safetensors")


class Spec(ModelSpec):
    """Win rates."""

    uses_epochs: ClassVar[bool] = False
    uses_batch_size: ClassVar[bool] = False
    data = ComparisonsData

    model_type: Literal["win_rate_scoring"] = option(description="One score per LLM: its win rate.")
    prior: float = option(1.0, ge=0, description="Wins and losses that every LLM starts with.")


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Count, measure, store."""
    import numpy as np
    from safetensors.numpy import save_file

    context.stop_here(0, {}, {})
    data, held = context.data.train, context.data.validation
    decided = data.take(data.decided)
    winner = np.where(decided.winner == 0, decided.model_a, decided.model_b)
    wins = np.bincount(winner, minlength=len(data.models))
    played = np.bincount(np.concatenate([decided.model_a, decided.model_b]), minlength=len(data.models))
    scores = (wins + spec.prior) / np.maximum(played + 2 * spec.prior, 1)

    held = held.take(held.decided)
    margin = np.where(held.winner == 0, 1, -1) * (scores[held.model_a] - scores[held.model_b])
    save_file({"scores": scores}, context.artifact / "scores.safetensors")
    (context.artifact / "models.json").write_text(json.dumps(data.models))
    return TrainResult({"accuracy": float((margin > 0).mean()) if len(held) else None, "n_validation": len(held)})


class Predictor:
    """The stored win rates."""

    def __init__(self, scores: dict[str, float]) -> None:
        self._scores = scores

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        from safetensors.numpy import load_file

        scores = load_file(directory / "scores.safetensors")["scores"].tolist()
        return cls(dict(zip(json.loads((directory / "models.json").read_text()), scores, strict=True)))

    @property
    def models(self) -> Sequence[str]:
        return list(self._scores)

    def predict(self, prompts: Sequence[str], models: Sequence[str], batch_size: int = 128) -> Any:
        import numpy as np

        column = np.array([self._scores.get(name, np.nan) for name in models])
        return np.repeat(column[:, None], len(prompts), axis=1)
