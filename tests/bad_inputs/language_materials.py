"""Good material of language models, for the rows to spoil: a spec, rows of every layout, and a base model's folder."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.training import made_models
from tests.bad_inputs.case import LONG, Bench, Case

TRAIN = ("train", "--spec-file", "spec.json")
TINY = made_models.TINY
FAST = {"optimizer_type": "adamw", "learning_rate": 0.003}
ROWS = 12
#: Of the trainings that come as far as the tokenizer, which takes seconds to load, these are tried with every change.
QUICK = {
    "a base without weights",
    "a base with another model's weights",
    "a base without a template",
    "a tokenizer larger than the model",
    "a template that refuses most rows",
    "target modules that match nothing",
    "a teacher of another vocabulary",
    "a reward that raises",
    "nothing but prompts fit",
    "steps too small for any weight",
}


def language(kind: str = "sft", data: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """A good spec of two steps on ``rows.jsonl``; a ``run`` among the settings is the document's."""
    run = {"executor": "local"} | settings.pop("run", {})
    own = {"model_type": kind, "base_model_name": TINY, "max_length": 128, "max_steps": 2, "optimizer": FAST} | settings
    return {
        "model": {"name": "talk", "spec": {key: value for key, value in own.items() if value != "left out"}},
        "data": {"dataset": "rows.jsonl"} | (data or {}),
        "run": run,
        "batch_size": 2,
    }


def answer(number: int) -> str:
    return f"It is {2 * number + 1}."


def question(number: int) -> str:
    return f"What is {number} plus {number + 1}?"


def talks(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """Conversations; ``more`` come first."""
    return [*more, *({"prompt": question(at), "completion": answer(at)} for at in range(ROWS))]


def turns(*pairs: tuple[str, Any], **beside: Any) -> dict[str, Any]:
    """A conversation as messages."""
    return {"messages": [{"role": role, "content": content} for role, content in pairs]} | beside


def pairs() -> list[dict[str, Any]]:
    return [{"prompt": question(at), "chosen": answer(at), "rejected": f"No idea {at}"} for at in range(ROWS)]


def labelled(label: Callable[[int], Any] = lambda at: at % 2 == 0) -> list[dict[str, Any]]:
    return [row | {"label": label(at)} for at, row in enumerate(talks())]


def texts() -> list[dict[str, Any]]:
    return [{"text": f"{question(at)} {answer(at)}"} for at in range(ROWS)]


GOOD = {
    "sft": talks, "distillation": talks, "causal_lm": texts,
    "grpo": talks, "ppo": talks, "online_dpo": talks, "dpo": pairs, "orpo": pairs, "reward": pairs, "kto": labelled,
}  # fmt: skip


def trained(name: str, code: int, document: dict[str, Any], *says: str, rows: Any = None, **more: Any) -> Case:
    """A training; ``spoil`` lays out or changes what the rows and the spec do not say."""
    spoil: Callable[[Bench], object] | None = more.pop("spoil", None)

    def prepare(bench: Bench) -> None:
        kind = document["model"]["spec"]["model_type"]
        bench.write("rows.jsonl", GOOD[kind]() if rows is None else rows)
        bench.write("spec.json", document)
        if spoil:
            spoil(bench)

    marks = () if name in QUICK or more.get("leaves") is None or more.pop("quick", False) else LONG
    settings = {"words": TRAIN, "marks": marks} | more
    return Case(name=f"language: {name}", code=code, says=says, prepare=prepare, **settings)


def wrong(name: str, document: dict[str, Any], *says: str, **more: Any) -> Case:
    """A spec that is none: told with its place, and nothing is left."""
    return trained(name, 3, document, "spec.json:", *says, **more)


def lacking(name: str, document: dict[str, Any], *says: str, **more: Any) -> Case:
    """A fault that the worker finds before it loads the weights: the run says so."""
    return trained(name, 4, document, *says, **{"leaves": "failed"} | more)


def base(bench: Bench) -> Path:
    """The tiny model's folder, copied to ``base``."""
    whole = made_models.made(TINY, Path(os.environ["RUNNER_TEST_CACHE"]))
    assert whole is not None
    folder = bench.home / "base"
    shutil.copytree(whole, folder)
    return folder


def changed(path: Path, **fields: Any) -> None:
    """A JSON file with some of its fields written otherwise; None takes one out."""
    document = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))


def unfit(name: str, spoil: Callable[[Path], object], *says: str, **fields: Any) -> Case:
    """A spec that asks what its base folder cannot do: told before a run is made."""
    document = language(base_model_name="./base", **fields)
    return wrong(name, document, *says, spoil=lambda bench: spoil(base(bench)))


def spoilt(name: str, spoil: Callable[[Path], object], *says: str, document: Any = None, **more: Any) -> Case:
    """A good training on a base folder that is not as it should be."""
    return lacking(
        name, document or language(base_model_name="./base"), *says, spoil=lambda bench: spoil(base(bench)), **more
    )
