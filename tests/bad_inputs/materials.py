"""Good material, for the rows to spoil."""

from __future__ import annotations

from typing import Any

#: A good spec as somebody wrote it; a row of the table is one slip of the pen away from it.
TEXT = """\
{
  "model": {
    "name": "ratings",
    "spec": {
      "model_type": "elo_scoring",
      "k_factor": 16,
      "min_model_occurrences": 0
    }
  },
  "data": {
    "dataset": "sample",
    "max_samples": 500,
    "validation_split": 0.2
  },
  "run": {
    "executor": "local"
  },
  "epochs": 2
}
"""
#: One of a kind that has an optimizer.
NETWORK = """\
{
  "model": {
    "name": "network",
    "spec": {
      "model_type": "dense_network",
      "embedding_model_name": "all-MiniLM-L6-v2",
      "hidden_dims": [16],
      "optimizer": {
        "optimizer_type": "adamw",
        "learning_rate": 0.001,
        "betas": [0.9, 0.999]
      }
    }
  },
  "data": {
    "dataset": "sample"
  },
  "run": {
    "executor": "local"
  },
  "epochs": 2,
  "batch_size": 32
}
"""


def spec(kind: str = "elo_scoring", **changes: Any) -> dict[str, Any]:
    """A good spec on ``data.jsonl``; ``changes`` replace sections, ``name`` and ``settings`` the model's."""
    name = changes.pop("name", "ratings")
    rare = {} if kind in ("dense_network", "dn_embedding") else {"min_model_occurrences": 0}
    settings = {"model_type": kind} | rare | changes.pop("settings", {})
    good = {
        "model": {"name": name, "spec": settings},
        "data": {"dataset": "data.jsonl"},
        "run": {"executor": "local"},
    }
    if kind == "elo_scoring":
        good["epochs"] = 2
    return good | changes


def battle(
    model_a: str, model_b: str, winner: str = "model_a", prompt: str = "What?", answers: tuple[str, str] = ("x", "y")
) -> dict[str, Any]:
    """One comparison in the plain layout."""
    talks = [[{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}] for answer in answers]
    return {
        "model_a": model_a,
        "model_b": model_b,
        "winner": winner,
        "conversation_a": talks[0],
        "conversation_b": talks[1],
    }


def battles(models: tuple[str, ...] = ("ada", "bob", "cyd"), rounds: int = 8) -> list[dict[str, Any]]:
    """Every pair, won in turn by each side: a connected graph in which nobody only wins. Each with its own prompt."""
    pairs = [(one, other) for one in models for other in models if one < other]
    return [
        battle(one, other, ("model_a", "model_b")[number % 2], f"Question {number} for {one} and {other}?")
        for number in range(rounds)
        for one, other in pairs
    ]
