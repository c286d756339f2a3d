"""Pictures with questions and captions that nothing can be learned from, or asked."""

from __future__ import annotations

import io
from typing import Any

from tests.bad_inputs.case import Bench, Case

Rows = list[dict[str, Any]]
GOOD: Rows = [{"image": f"{at}.png", "question": "What colour?", "answer": "red"} for at in range(6)]
USER = {"role": "user", "content": "<image>What?"}
ANSWER = {"role": "assistant", "content": "Red."}


def picture(value: int) -> bytes:
    """A small picture as PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (20, 20), (200, value, 20)).save(file, "PNG")
    return file.getvalue()


def document(data: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A good spec of the rows."""
    own = {"model_type": "vision_language", "base_model_name": "runner/tiny-vlm", "max_length": 128}
    return {
        "model": {"name": "seer", "spec": own | spec},
        "data": {"dataset": "rows.jsonl"} | (data or {}),
        "run": {"executor": "local"},
    }


def pictured(name: str, content: Any, *says: str, spec: dict[str, Any] | None = None, **more: Any) -> Case:
    """A training on the file that the spec names."""

    def prepare(bench: Bench) -> None:
        for at in range(6):
            bench.write(f"{at}.png", picture(at))
        bench.write("cut.png", picture(1)[:60])
        bench.write("text.png", "no picture")
        bench.write("spec.json", spec or document())
        bench.write((spec or document())["data"]["dataset"], content)

    settings = {"code": 4, "words": ("train", "--spec-file", "spec.json"), "leaves": "failed"} | more
    return Case(name=f"pictures: {name}", says=says, prepare=prepare, **settings)


def misspelt(name: str, *says: str, data: dict[str, Any] | None = None, **spec: Any) -> Case:
    """What the spec itself has wrong."""
    return pictured(name, GOOD, *says, spec=document(data, **spec), code=3, leaves=None)


def messages(*turns: dict[str, Any], images: Any = ("0.png",)) -> dict[str, Any]:
    return {"images": list(images), "messages": list(turns)}


CASES: tuple[Case, ...] = (
    misspelt("a column of two roles", "/data/columns", "two roles", data={"columns": {"image": "a", "prompt": "a"}}),
    misspelt("a role that there is not", "/data/columns/label", data={"columns": {"label": "answer"}}),
    misspelt("an adapter of no adapter", "/model/spec/save_as", save_as="adapter", finetuning_spec={"method": "full"}),
    misspelt("a measure that there is not", "/model/spec/evaluation/measure", evaluation={"measure": "bleu"}),
    misspelt("no token to answer with", "/model/spec/evaluation/max_new_tokens", evaluation={"max_new_tokens": 0}),
    misspelt("a length that holds nothing", "/model/spec/max_length", max_length=4),
    misspelt("captions that are asked nothing", "/data/caption_prompt", data={"caption_prompt": ""}),
    pictured(
        "a folder of pictures that is not there", GOOD, "/data/image_folder: elsewhere",
        spec=document({"image_folder": "elsewhere"}), leaves=None, code=5,
    ),
    pictured(
        "no column of pictures", [{"question": "What?", "answer": "red"}] * 4, "no column is known as the picture",
        "/data/columns",
    ),
    pictured(
        "a column that is not there", GOOD, "there is no column 'photo'",
        spec=document({"columns": {"image": "photo"}}),
    ),
    pictured(
        "two answers", [row | {"response": "blue"} for row in GOOD], "could be the answer to 'question'",
    ),
    pictured(
        "marks and pictures of different numbers", [messages(USER, ANSWER, images=("0.png", "1.png"))] * 4,
        "picture_count", "2 pictures and 1 mark",
    ),
    pictured(
        "a picture in an answer",
        [messages({"role": "user", "content": "Draw."}, {"role": "assistant", "content": "<image>"})] * 4,
        "picture_in_answer",
    ),
    pictured("no answer", [messages(USER)] * 4, "no_answer", "there is no turn of an assistant"),
    pictured("empty answers", [row | {"answer": " "} for row in GOOD], "empty_answer"),
    pictured("no picture is there", [row | {"image": "gone.png"} for row in GOOD], "missing_picture", "gone.png"),
    pictured("broken pictures", [row | {"image": "cut.png"} for row in GOOD], "unreadable", "cut.png"),
    pictured("files that are no pictures", [row | {"image": "text.png"} for row in GOOD], "unreadable", "text.png"),
    pictured(
        "pictures of the network", [row | {"image": "https://example.org/a.png"} for row in GOOD], "url",
        "https://example.org/a.png",
    ),
    pictured("a picture outside of the folder", [row | {"image": "../spec.png"} for row in GOOD], "missing_picture"),
    pictured("rows that are too long", GOOD, "longer than max_length with its pictures", "/model/spec/max_length",
             spec=document(max_length=20)),
    pictured(
        "a base that reads no pictures", GOOD, "/model/spec/base_model_name", "trained to answer about pictures",
        spec=document(base_model_name="runner/tiny-llama"),
    ),
)  # fmt: skip
