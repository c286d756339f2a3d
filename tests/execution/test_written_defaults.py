"""A run keeps its spec with every default written, and its worker reads that: a default is never refused there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.training import made_models
from tests.conftest import Desk

BERT = "runner/tiny-bert"
THINGS = ("badger", "heron", "tram", "ferry", "violin", "glacier", "orchard", "library")


def spec(kind: str, base: str, data: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """One epoch of a kind, on ``rows.jsonl`` where nothing else is said."""
    own = {"model_type": kind, "base_model_name": base, "optimizer": {"optimizer_type": "adamw"}, "max_steps": 1}
    return {
        "model": {"name": "m", "spec": own | fields},
        "data": {"dataset": "rows.jsonl"} | (data or {}),
        "run": {"executor": "local"},
        "epochs": 1,
        "batch_size": 4,
    }


def rows(desk: Desk, **beside: Callable[[int], Any]) -> None:
    """Pairs of sentences, with what is said of each."""
    lines = [
        {"sentence1": f"Where is the {name}?", "sentence2": f"The {name} is here."}
        | {field: value(at) for field, value in beside.items()}
        for at, name in enumerate(THINGS)
    ]
    desk.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


def scored(desk: Desk) -> None:
    rows(desk, score=lambda at: (at % 4) / 4)


def classed(desk: Desk) -> None:
    rows(desk, label=lambda at: ("no", "yes")[at % 2])


def sided_folders(desk: Desk) -> None:
    for side in ("train", "validation"):
        for number, name in enumerate(("cat", "dog")):
            folder = desk.home / "rows.jsonl" / side / name
            folder.mkdir(parents=True)
            for at in range(3):
                colour = (20 * at + 100 * (side == "train"), 90 * number, 7)
                Image.new("RGB", (8, 6), colour).save(folder / f"{at}.png")


def alike(desk: Desk) -> None:
    desk.write("rows.jsonl", '{"prompt": "a", "completion": "b"}\n' * 4)


def prompts(desk: Desk) -> None:
    desk.write("rows.jsonl", "".join(f'{{"prompt": "Say {name}."}}\n' for name in THINGS))


REWARDS = {"short": {"reward_type": "length", "target": 12, "unit": "characters"}}
ROADS = {
    "the usual loss of scores": (scored, spec("sentence_embedding", BERT)),
    "a loss of scores that is named": (scored, spec("sentence_embedding", BERT, loss={"loss_type": "cosent"})),
    "the usual loss of classes": (classed, spec("sentence_embedding", BERT)),
    "scores that are read together": (scored, spec("cross_encoder", BERT)),
    "classes that are read together": (classed, spec("cross_encoder", BERT)),
    "folders of both sides": (sided_folders, spec("image_classification", "runner/tiny-vit")),
    "rows that are all alike": (alike, spec("sft", made_models.TINY)),
    "odds that are not clipped": (
        prompts,
        spec(
            "grpo",
            made_models.TINY,
            rewards=REWARDS,
            group_size=4,
            max_new_tokens=16,
            policy_loss="importance_sampling",
        ),
    ),
}


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize(("lay_out", "document"), ROADS.values(), ids=[name.replace(" ", "-") for name in ROADS])
def test_a_training_reads_its_defaults_again_as_they_were_written(
    desk: Desk, lay_out: Callable[[Desk], None], document: dict[str, Any]
) -> None:
    lay_out(desk)
    first = desk("train", "--spec-file", desk.write("spec.json", document), "--json").ok().json
    again = desk("train", "--spec-file", kept_spec(desk), "--json").ok().json
    assert again["metrics"] == first["metrics"]


def kept_spec(desk: Desk) -> Path:
    """The spec of the one run, whole."""
    return desk.only_run() / "spec.json"


@pytest.mark.parametrize(
    ("lay_out", "document", "place"),
    [
        (scored, spec("sentence_embedding", BERT, batches="any"), "/model/spec/batches"),
        (scored, spec("sentence_embedding", BERT, loss={"loss_type": "cosent"}, batches="any"), "/model/spec/batches"),
        (classed, spec("cross_encoder", BERT, negatives=2), "/model/spec/negatives"),
        (classed, spec("cross_encoder", BERT, score_loss="mean_squared_error"), "/model/spec/score_loss"),
        (sided_folders, spec("image_classification", "runner/tiny-vit", {"validation_split": 0.5}),
         "/data/validation_split"),
        (sided_folders, spec("image_classification", "runner/tiny-vit", {"stratify": False}), "/data/stratify"),
        (prompts, spec("grpo", made_models.TINY, rewards=REWARDS, policy_loss="importance_sampling", clip_range=0.1),
         "/model/spec/clip_range"),
    ],
    ids=lambda value: value.rpartition("/")[2] if isinstance(value, str) else None,
)  # fmt: skip
def test_what_departs_from_its_default_and_has_no_effect_is_refused(desk, lay_out, document, place):
    lay_out(desk)
    refused = desk("train", "--spec-file", desk.write("spec.json", document))
    assert refused.code in (3, 4)
    assert place in refused.err
