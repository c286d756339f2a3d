"""Models that answer about pictures: what is learned of them, what every field does, and what is stored."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runner import registry
from runner.data.pictured_dialogues import asked_pictures
from runner.errors import DataError, RunnerError
from runner.training import made_models

KIND = "vision_language"
FAST = {"optimizer_type": "adamw", "learning_rate": 0.01}


@pytest.fixture(scope="session")
def tiny_vlm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = made_models.made("runner/tiny-vlm", tmp_path_factory.mktemp("base"))
    assert folder is not None
    return folder


@pytest.fixture
def train(studio: Any, tiny_vlm: Path) -> Callable[..., Any]:
    """``train(max_length=64)``: the result, and the folder of the model."""

    def made(data: dict[str, Any] | None = None, **fields: Any) -> Any:
        words = {"base_model_name": str(tiny_vlm), "optimizer": FAST, "max_length": 256, "epochs": 1,
                 "evaluation": {"max_new_tokens": 8}} | fields  # fmt: skip
        return studio.train(KIND, {"max_samples": 16} | (data or {}), **words)

    return made


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in (("a", (200, 20, 20)), ("b", (20, 20, 200)), ("c", (20, 200, 20))):
        Image.new("RGB", (30, 20), colour).save(folder / f"{name}.png")
    return folder


def asked(path: Path, folder: Path, **options: Any) -> list[Any]:
    """What a stored model answers to the rows of a file."""
    rows = asked_pictures.from_file(path)
    rows.check()
    kind = registry.load(KIND)
    found = kind.TASK.options.model_validate({"max_new_tokens": 6} | options)
    found.check()
    predictor = kind.Predictor.load(folder)
    return predictor.predict([row for chunk in rows.chunks(8) for row in chunk], found, 2)


def changed(weights: Callable[[Path], dict[str, np.ndarray]], base: Path, folder: Path) -> set[str]:
    """The parts of a model whose weights a training has changed."""
    before, after = weights(base), weights(folder)
    assert before.keys() == after.keys()
    different = [name for name in before if not np.array_equal(before[name], after[name])]
    parts = ("language_model", "multi_modal_projector", "vision_tower", "lm_head")
    return {part for part in parts if any(part in name for name in different)}


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, {"language_model"}),
        ({"finetuning_spec": {"method": "full"}}, {"language_model", "lm_head"}),
        ({"finetuning_spec": {"method": "ia3"}}, {"language_model"}),
        ({"finetuning_spec": {"method": "last_layers", "num_layers": 1}}, {"language_model"}),
        ({"train_projector": True}, {"language_model", "multi_modal_projector"}),
        ({"train_vision_tower": True}, {"language_model", "vision_tower"}),
        (
            {"finetuning_spec": {"method": "full"}, "train_projector": True, "train_vision_tower": True},
            {"language_model", "lm_head", "multi_modal_projector", "vision_tower"},
        ),
    ],
)
@pytest.mark.slow
@pytest.mark.warm
def test_only_what_the_fields_say_is_trained(train, weights, tiny_vlm, fields, wanted):
    _, folder = train(**fields)
    assert changed(weights, tiny_vlm, folder) == wanted


def test_4_bit_weights_are_those_of_the_language_side_alone(train, weights, tiny_vlm):
    _, folder = train(finetuning_spec={"method": "qlora"})
    assert changed(weights, tiny_vlm, folder) == {"language_model"}


def test_answers_alone_are_learned_and_a_pictures_tokens_never(tiny_vlm):
    from runner.builders.vision._talking.pictured_base import PictureProcessor
    from runner.builders.vision._talking.pictured_tokens import NOT_LEARNED, labelled, with_token
    from runner.chat.messages import Conversation, Message
    from runner.chat.renderer import ChatRenderer
    from runner.data.pictured_dialogues.pictured_row import MARK

    config = json.loads((tiny_vlm / "config.json").read_text())
    processor = PictureProcessor.of_folder(tiny_vlm, config, "")
    renderer = ChatRenderer.of(processor.tokenizer, picture=processor.token)
    turns = Conversation((
        Message("user", f"{MARK}\nWhat?"), Message("assistant", "Red."),
        Message("user", f"And {MARK} here?"), Message("assistant", "Blue."),
    ))  # fmt: skip
    ids, labels = labelled(renderer.trained(with_token(turns, processor.token)), processor)
    assert processor.count == 16
    assert (ids == processor.token_id).sum() == 32
    learned = labels[labels != NOT_LEARNED]
    assert processor.tokenizer.decode(learned) == "Red.<|im_end|>Blue.<|im_end|>"
    assert processor.token_id not in learned


def test_a_row_that_is_too_long_with_its_picture_is_left_out_and_told_of(train):
    result, _ = train(max_length=256)
    rows = {row[0]: row for row in result.tables["rows"]["rows"]}
    longest = result.metrics["train_tokens"] // result.metrics["n_train"]
    assert rows["train"][-1] == 16 * result.metrics["n_train"] == result.metrics["picture_tokens"]
    shorter, _ = train(max_length=longest)
    assert 0 < shorter.metrics["n_train"] < result.metrics["n_train"]
    with pytest.raises(RunnerError, match="longer than max_length with its pictures") as raised:
        train(max_length=20)
    assert raised.value.where == "/model/spec/max_length"


def test_how_much_is_answered_is_said(train):
    result, _ = train(evaluation={"max_new_tokens": 1, "limit": 2})
    assert result.metrics["answer_tokens"] == 1
    assert "Of 2 held-out rows of" in result.tables["worst_pictures"]["note"]
    assert result.tables["worst_pictures"]["rows"][0][0].startswith("data:image/jpeg;base64,")


def test_the_best_weights_may_be_those_that_answer_best(train):
    result, _ = train(evaluation={"measure": "anls", "max_new_tokens": 4}, epochs=2)
    assert 0 <= result.metrics["anls"] <= 1
    assert result.best_epoch in (1, 2)


def test_the_chat_template_is_the_one_that_is_named(train, pictures):
    own, other = train()[1], train(chat={"template": "vicuna"})[1]
    templates = [
        json.loads((folder / "finetuned_model.json").read_text())["chat"]["template"] for folder in (own, other)
    ]
    assert templates == ["tokenizer", "vicuna"]
    kind = registry.load(KIND)
    rows = asked_pictures.from_file(pictures / "a.png")
    rows.check()
    (row,) = next(iter(rows.chunks(1)))
    counts = [kind.Predictor.load(folder).count([row], kind.TASK.options())[0] for folder in (own, other)]
    assert counts[0] < counts[1]


def test_an_adapter_answers_as_the_whole_model_does(train, pictures):
    whole, adapter = train()[1], train(save_as="adapter")[1]
    assert (adapter / "adapter_model.safetensors").exists() and not (adapter / "model.safetensors").exists()
    one, other = (asked(pictures, folder, logprobs=True) for folder in (whole, adapter))
    for first, second in zip(one, other, strict=True):
        assert first[0].text == second[0].text
        assert [value for _, value in first[0].tokens] == pytest.approx(
            [value for _, value in second[0].tokens], abs=1e-4
        )


PLAIN = """
import json, sys
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
folder, picture = sys.argv[1:]
model, processor = AutoModelForImageTextToText.from_pretrained(folder), AutoProcessor.from_pretrained(folder)
turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What colour?"}]}]
text = processor.apply_chat_template(turns, add_generation_prompt=True)
inputs = processor(text=text, images=Image.open(picture).convert("RGB"), return_tensors="pt")
made = model.generate(**inputs, do_sample=False, max_new_tokens=6)
start = inputs["input_ids"].shape[1]
print(json.dumps([start, processor.decode(made[0, start:], skip_special_tokens=True)]))
"""


@pytest.mark.slow
@pytest.mark.warm
def test_plain_transformers_answers_the_same_in_a_new_process(train, pictures):
    _, folder = train(epochs=2)
    ran = subprocess.run(
        [sys.executable, "-c", PLAIN, str(folder), str(pictures / "a.png")], capture_output=True, text=True, check=True
    )
    start, text = json.loads(ran.stdout.splitlines()[-1])
    kind = registry.load(KIND)
    rows = asked_pictures.from_file(pictures / "a.png")
    rows.check()
    (row,) = next(iter(rows.chunks(1)))
    options = kind.TASK.options(question="What colour?", max_new_tokens=6)
    predictor = kind.Predictor.load(folder)
    assert predictor.count([row], options) == [start]
    assert predictor.predict([row], options, 1)[0][0].text == text


def test_rows_are_answered_alike_alone_and_together_and_drawn_by_their_seed(train, pictures):
    _, folder = train()
    (pictures / "rows.jsonl").write_text(
        '{"image": "a.png", "question": "What colour is it?"}\n'
        '{"images": ["a.png", "b.png"], "messages": [{"role": "user", "content": "<image> or <image>?"}]}\n'
        '{"image": "c.png"}\n{"messages": [{"role": "user", "content": "Hello"}]}\n'
    )
    words = {"temperature": 1.0, "n": 2, "seed": 3}
    together = asked(pictures / "rows.jsonl", folder, **words)
    assert together == asked(pictures / "rows.jsonl", folder, **words)
    assert [len(each) for each in together] == [2, 2, 2, 2]
    assert together != asked(pictures / "rows.jsonl", folder, **(words | {"seed": 4}))
    alone = pictures / "alone.jsonl"
    alone.write_text(
        '{"images": ["a.png", "b.png"], "messages": [{"role": "user", "content": "<image> or <image>?"}]}\n'
    )
    assert asked(alone, folder)[0] == asked(pictures / "rows.jsonl", folder)[1]
    with pytest.raises(DataError, match="several pictures"):
        asked(alone, folder, num_beams=2)
    with pytest.raises(DataError, match="question of its own"):
        asked(alone, folder, question="What?")


def test_beams_answer_rows_of_one_picture(train, pictures):
    _, folder = train()
    found = asked(pictures, folder, num_beams=2, n=2, question="What?")
    assert [len(each) for each in found] == [2, 2, 2]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_type": "qwen2_vl"}, "not of the form of LLaVA"),
        ({"model_type": "llama"}, "cannot be trained to answer about pictures"),
        ({"image_token_index": 3}, "the token of a picture is another one"),
    ],
)
def test_a_base_of_another_form_is_refused(train, tiny_vlm, tmp_path, change, told):
    base = copied(tiny_vlm, tmp_path / "base")
    config = json.loads((base / "config.json").read_text()) | change
    (base / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match=told) as raised:
        train(base_model_name=str(base))
    assert str(raised.value.where).startswith("/model/spec/base_model_name")


@pytest.mark.parametrize(
    ("change", "told"),
    [({"vision_feature_select_strategy": "full"}, "the model makes 16"), ({"patch_size": 16}, "the model makes 16")],
)
def test_a_processor_that_counts_otherwise_than_the_model_is_refused(train, tiny_vlm, tmp_path, change, told):
    base = copied(tiny_vlm, tmp_path / "base")
    path = base / "processor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match=told):
        train(base_model_name=str(base))


def test_a_base_without_a_processor_is_refused(train, tiny_vlm, tmp_path):
    base = copied(tiny_vlm, tmp_path / "base")
    (base / "processor_config.json").unlink()
    with pytest.raises(DataError, match="processor"):
        train(base_model_name=str(base))


def test_the_length_is_held_against_the_language_models_positions(studio, tiny_vlm):
    spec = studio.spec(KIND, base_model_name=str(tiny_vlm), max_length=4096).model.spec
    (fault,) = spec.misfits({"base_model_name": tiny_vlm})
    assert (fault.pointer, fault.message) == ("/model/spec/max_length", "the model reads at most 2048 tokens")


def copied(folder: Path, target: Path) -> Path:
    import shutil

    return Path(shutil.copytree(folder, target))
