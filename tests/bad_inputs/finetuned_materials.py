"""Good material of the kinds that fine-tune a transformer with a head: a spec, rows of every layout, pictures."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from runner.training import made_models
from tests.bad_inputs.case import Bench, Case

TRAIN = ("train", "--spec-file", "spec.json")
ROWS = 8
#: The tiny model of each kind.
TINY = {
    "object_detection": "runner/tiny-yolos", "image_classification": "runner/tiny-vit",
    "image_regression": "runner/tiny-vit", "seq2seq": "runner/tiny-t5",
}  # fmt: skip
BERT = "runner/tiny-bert"


def classed(**more: Any) -> list[dict[str, Any]]:
    """Texts with classes."""
    return [{"text": f"message number {at}", "label": ("ham", "spam")[at % 2]} | more for at in range(ROWS)]


def measured(score: Callable[[int], Any] = float) -> list[dict[str, Any]]:
    """Texts with numbers."""
    return [{"text": f"review number {at}", "score": score(at)} for at in range(ROWS)]


def tagged(**more: Any) -> list[dict[str, Any]]:
    """Words with tags."""
    return [{"tokens": ["Anna", "saw", f"tram{at}"], "tags": ["B-PER", "O", "B-THING"]} | more for at in range(ROWS)]


def questions(**more: Any) -> list[dict[str, Any]]:
    """Questions on texts."""
    return [
        {"context": f"The tram number {at} is red.", "question": f"What is {at}?",
         "answers": {"text": ["red"], "answer_start": [len(f"The tram number {at} is ")]}} | more
        for at in range(ROWS)
    ]  # fmt: skip


def turned() -> list[dict[str, Any]]:
    """Texts with what they become."""
    return [{"source": f"the {at} tram", "target": f"tram {at}"} for at in range(ROWS)]


def paired(**more: Any) -> list[dict[str, Any]]:
    """Texts that belong together."""
    return [{"anchor": f"Where is tram {at}?", "positive": f"Tram {at} is here."} | more for at in range(ROWS)]


GOOD: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "text_classification": classed, "text_regression": measured, "token_classification": tagged,
    "extractive_qa": questions, "seq2seq": turned, "sentence_embedding": paired, "cross_encoder": paired,
}  # fmt: skip


def tuned(kind: str, data: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """A good spec of one step on ``rows.jsonl``, or on the folder ``rows`` of pictures."""
    dataset = "rows.jsonl" if kind in GOOD else "rows"
    own = {"model_type": kind, "base_model_name": TINY.get(kind, BERT), "max_steps": 1}
    return {
        "model": {"name": "m", "spec": own | settings},
        "data": {"dataset": dataset} | (data or {}),
        "run": {"executor": "local"},
        "epochs": 1,
        "batch_size": 4,
    }


def refused(name: str, document: dict[str, Any], *says: str, code: int = 4, rows: Any = None, **more: Any) -> Case:
    """A training that is refused; ``spoil`` lays out or changes what the rows and the spec do not say."""
    spoil: Callable[[Bench], object] | None = more.pop("spoil", None)

    def prepare(bench: Bench) -> None:
        kind = document["model"]["spec"]["model_type"]
        if kind in GOOD:
            bench.write("rows.jsonl", GOOD[kind]() if rows is None else rows)
        bench.write("spec.json", document)
        if spoil:
            spoil(bench)

    return Case(name=f"finetuned: {name}", code=code, words=TRAIN, says=says, prepare=prepare, **more)


def lacking(name: str, document: dict[str, Any], *says: str, **more: Any) -> Case:
    """A fault that the worker finds: the run says so."""
    return refused(name, document, *says, **{"leaves": "failed"} | more)


def wrong(name: str, document: dict[str, Any], *says: str, **more: Any) -> Case:
    """A spec that is none: told with its place, and nothing is left."""
    return refused(name, document, "spec.json:", *says, code=3, **more)


def base(bench: Bench, name: str = BERT) -> Path:
    """A tiny model's folder, copied to ``base``."""
    whole = made_models.made(name, Path(os.environ["RUNNER_TEST_CACHE"]))
    assert whole is not None
    return Path(shutil.copytree(whole, bench.home / "base"))


def picture(
    form: str = "PNG", size: tuple[int, int] = (24, 18), colour: Any = (200, 30, 30), mode: str = "RGB"
) -> bytes:
    """The bytes of a picture of one colour."""
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, form)
    return file.getvalue()


def folders(bench: Bench, names: tuple[str, ...] = ("cat", "dog"), count: int = 4) -> Path:
    """A folder of pictures for each class, all of them different."""
    for number, name in enumerate(names):
        for at in range(count):
            bench.write(f"rows/{name}/{at}.png", picture(colour=(10 + 20 * at, 90 * number, 7)))
    return bench.home / "rows"


def numbered(bench: Bench, value: Callable[[int], Any] = float, count: int = ROWS) -> Path:
    """Pictures with a number each, in a table beside them."""
    lines = []
    for at in range(count):
        bench.write(f"rows/{at}.png", picture(colour=(10 + 20 * at, 7, 7)))
        lines.append({"file_name": f"{at}.png", "target": value(at)})
    bench.write("rows/metadata.jsonl", lines)
    return bench.home / "rows"


def coco(bench: Bench, boxes: Callable[[int], list[Any]] = lambda at: [2, 2, 8, 6], **changes: Any) -> Path:
    """Pictures with a box each, as COCO writes them; ``changes`` are of the whole document."""
    document: dict[str, Any] = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "tram"}]}
    for at in range(ROWS):
        bench.write(f"rows/{at}.png", picture(colour=(10 + 20 * at, 7, 7)))
        document["images"].append({"id": at, "file_name": f"{at}.png", "width": 24, "height": 18})
        document["annotations"].append({"id": at, "image_id": at, "category_id": 1, "bbox": boxes(at)})
    bench.write("rows/annotations.json", json.dumps(document | changes))
    return bench.home / "rows"
