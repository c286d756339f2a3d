"""No training succeeds that learned nothing, the wrong tokens, or what its stored model has lost."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from runner import registry
from runner.builders.language._rows import rendering
from runner.chat.messages import Conversation, Message
from runner.chat.renderer import ChatRenderer
from runner.data.dialogues.infer_rows import AskedConversation
from runner.data.dialogues.row_types import ConversationRow, TextRow
from runner.errors import DataError, RunFailed
from runner.tasks.generation.options import GenerationOptions
from tests.builders.language.conftest import conversations, labelled, loaded, turns, weights

OPTIMIZER = "/model/spec/optimizer"
ONCE = {"epochs": 1}
LORA = {"method": "lora", "rank": 4}


def rate(value: float) -> dict[str, Any]:
    return {"optimizer": {"optimizer_type": "adamw", "learning_rate": value}, "max_grad_norm": None}


@pytest.fixture
def base_of(base: Path, tmp_path: Path) -> Any:
    """The tiny model with another dtype in its configuration."""

    def make(dtype: str) -> str:
        folder = tmp_path / dtype
        shutil.copytree(base, folder)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"dtype": dtype}))
        from safetensors.torch import load_file, save_file

        file = folder / "model.safetensors"
        kept = {name: tensor.to(getattr(torch, dtype)) for name, tensor in load_file(file).items()}
        save_file(kept, file, {"format": "pt"})
        return str(folder)

    return make


@pytest.mark.parametrize("kind", ["sft", "dpo", "reward"])
def test_a_training_that_moves_no_weight_fails(trained, tmp_path, kind):
    with pytest.raises(RunFailed, match="no weight has changed") as failed:
        trained(kind, context=ONCE, max_steps=1, **rate(1e-30))
    assert (failed.value.where, bool(failed.value.hint)) == (OPTIMIZER, True)
    assert not list((tmp_path / "run" / "artifact").iterdir())


def test_weights_that_the_stored_dtype_has_no_room_for_fail(trained, base_of):
    with pytest.raises(RunFailed, match="float16, the dtype of the base, has no room") as failed:
        trained("sft", context=ONCE, max_steps=1, base_model_name=base_of("float16"), **rate(1e20))
    assert failed.value.where == OPTIMIZER


def test_what_is_lost_in_the_stored_dtype_is_told_and_an_adapter_keeps_it(trained, base_of):
    fields = {"base_model_name": base_of("bfloat16"), "max_steps": 1, "finetuning_spec": LORA} | rate(1e-6)

    def told(name: str, **more: Any) -> list[str]:
        _, context = trained("sft", name, context=ONCE, **(fields | more))
        return [event["message"] for event in context.emit.of("warning") if "is left in" in event["message"]]

    (sentence,) = told("whole")
    assert "bfloat16" in sentence and '"save_as": "adapter"' in sentence
    assert told("adapter", save_as="adapter") == told("far", **rate(0.01)) == []


def test_a_single_step_learns_in_its_warm_up(trained, base):
    _, context = trained("sft", context=ONCE, max_steps=1, schedule={"schedule_type": "linear", "warmup_steps": 1})
    before, after = weights(base), weights(context.artifact)
    assert any(not torch.equal(after[name], value) for name, value in before.items())


def test_code_beside_a_model_of_a_known_kind_is_named_and_not_run(trained, base, tmp_path):
    folder = tmp_path / "own"
    shutil.copytree(base, folder)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "config_own.C", "AutoModelForCausalLM": "someone/own--model_own.M"}
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("config_own", "model_own"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    _, context = trained("sft", context=ONCE, max_steps=1, base_model_name=str(folder))
    (told,) = [event["message"] for event in context.emit.of("warning") if "not run" in event["message"]]
    assert told.startswith("config_own.py, model_own.py is not run") and "llama" in told
    assert not (tmp_path / "ran").exists()
    assert "auto_map" not in json.loads((context.artifact / "config.json").read_text())
    assert not [path.name for path in context.artifact.glob("*.py")]


def test_packing_is_refused_to_a_model_that_sees_the_row_before(trained, base, tmp_path):
    from transformers import OPTConfig, OPTForCausalLM

    torch.manual_seed(0)
    config = OPTConfig(
        vocab_size=260, hidden_size=32, ffn_dim=64, num_hidden_layers=2, num_attention_heads=2, init_std=0.2,
        max_position_embeddings=256, word_embed_proj_dim=32, pad_token_id=259, eos_token_id=258, bos_token_id=None,
    )  # fmt: skip
    folder = tmp_path / "opt"
    OPTForCausalLM(config).save_pretrained(folder)
    for path in [*base.glob("tokenizer*"), base / "chat_template.jinja"]:
        shutil.copy(path, folder)
    fields = {"base_model_name": str(folder), "max_steps": 1}
    with pytest.raises(DataError, match="opt model does not tell packed rows apart") as refused:
        trained("sft", context=ONCE, packing="packed", **fields)
    assert refused.value.where == "/model/spec/packing"
    trained("sft", "apart", context=ONCE, **fields)


def test_rows_that_the_template_refuses_are_lost_rows(spec, context_for, tmp_path):
    template = tmp_path / "own.jinja"
    template.write_text(
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
        "{% for m in messages %}{{ m.role + ':' + m.content + eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}assistant:{% endif %}"
    )
    system = Message("system", "Be short.")
    rows = [
        ConversationRow(row.line, row.conversation.with_messages([system, *row.conversation.messages]))
        if row.line > 4
        else row
        for row in conversations()
    ]
    own = spec("sft", chat={"template": str(template)}, max_steps=1)
    with pytest.raises(DataError, match=r"5 of 9 rows would not be learned.*no system here") as refused:
        registry.load("sft").train(own, context_for(replace(loaded(rows), most_lost=0.5), **ONCE, batch_size=4))
    assert refused.value.where == "/data/max_rows_lost"
    registry.load("sft").train(own, context_for(replace(loaded(rows), most_lost=0.6), "more", **ONCE, batch_size=4))


def test_a_text_begins_and_ends_once_whatever_it_says_itself(base):
    from tokenizers.processors import TemplateProcessing

    tokenizer = AutoTokenizer.from_pretrained(base, bos_token="<|endoftext|>")
    start, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", start)]
    )
    rows = [TextRow(1, "ab"), TextRow(2, "<|endoftext|>ab<|im_end|>")]
    side = rendering.texts(rows, tokenizer, 32, "train")
    ids = side.rows.tokens.ids.tolist()
    assert ids[:4] == ids[4:] == [start, *tokenizer("ab", add_special_tokens=False).input_ids, end]


def test_a_mismatched_answer_is_one_to_another_prompt_and_counts_as_no_training(base):
    renderer = ChatRenderer.of(AutoTokenizer.from_pretrained(base))
    rows = labelled()[:6]
    made = rendering.labelled(rows, renderer, 256, "train")
    tokens, ends = made.side.rows.tokens.ids, made.side.rows.tokens.ends
    texts = [renderer.tokenizer.decode(tokens[ends[at] : ends[at + 1]]) for at in range(12)]
    for row, mismatched in zip(rows, texts[6:], strict=True):
        own = {other.completion[0].content for other in rows if other.prompt == row.prompt}
        assert row.prompt.messages[0].content in mismatched
        assert not any(f"\n{answer}<" in mismatched for answer in own)
    assert made.side.report.tokens == ends[6]
    assert made.side.report.trained_tokens == made.side.rows.trained[:6].sum()


def test_the_stored_tokenizer_has_the_template_that_was_trained_with(trained):
    _, context = trained("sft", context=ONCE, max_steps=1, chat={"template": "vicuna"}, max_length=256)
    tokenizer = AutoTokenizer.from_pretrained(context.artifact)
    talk = Conversation(turns("Hi", "Hello", "And?"))
    stored = json.loads((context.artifact / "language_model.json").read_text())["chat"]
    served = ChatRenderer.from_document(tokenizer, stored).prompt(talk)
    assert ChatRenderer.of(tokenizer, "tokenizer").prompt(talk) == served
    plain = tokenizer.apply_chat_template([turn.as_dict() for turn in talk.messages], add_generation_prompt=True)
    assert list(getattr(plain, "input_ids", plain)) == served
    ends = json.loads((context.artifact / "generation_config.json").read_text())["eos_token_id"]
    assert ends == ChatRenderer.of(tokenizer, "tokenizer").stop_ids[0]


def test_a_short_prompt_has_the_same_room_beside_a_long_one(trained):
    _, context = trained("causal_lm", context=ONCE, max_steps=1)
    predictor = registry.load("causal_lm").Predictor.load(context.artifact)
    short, long = (AskedConversation(Conversation((Message("user", text),))) for text in ("ab", "x" * 2040))
    options = GenerationOptions(max_new_tokens=20, min_new_tokens=20)
    alone = predictor.predict([short], options, 4)[0][0]
    beside = predictor.predict([short, long], options, 4)[0][0]
    assert (beside.text, beside.completion_tokens) == (alone.text, 20)


def test_tokens_that_the_model_has_no_embeddings_for_are_refused(trained, base, tmp_path):
    folder = tmp_path / "more"
    shutil.copytree(base, folder)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens(["<extra>"])
    tokenizer.save_pretrained(folder)
    rows = [TextRow(at, f"row {at}") for at in range(1, 7)]
    trained("causal_lm", "unused", rows, context=ONCE, max_steps=1, base_model_name=str(folder))
    with pytest.raises(DataError, match="'<extra>', token 260 of the tokenizer, and the model has 260") as refused:
        trained("causal_lm", rows=[*rows, TextRow(7, "an <extra>")], context=ONCE, base_model_name=str(folder))
    assert refused.value.where == f"/model/spec/base_model_name: {folder}"


def test_a_role_that_loss_on_does_not_name_is_not_learned(trained):
    result, _ = trained("sft", loss_on={"user": 1})
    whole, _ = trained("sft", "all", loss_on={"user": 1, "assistant": 1})
    assert 0 < result.metrics["trained_tokens"] < whole.metrics["trained_tokens"]
    with pytest.raises(DataError):
        trained("sft", "none", loss_on={"system": 1})


def test_an_optimizer_that_names_no_rate_has_that_of_language_models(spec):
    assert spec("sft", optimizer={"optimizer_type": "adamw"}).optimizer.learning_rate == 3e-5
    assert spec("sft", optimizer={"optimizer_type": "adamw", "learning_rate": 0.001}).optimizer.learning_rate == 0.001
