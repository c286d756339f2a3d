"""Answers of a stored language model: the same alone and in a batch, drawn by seeds, ended where they should."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from runner import registry
from runner.chat.messages import Conversation, Message
from runner.data.dialogues.infer_rows import AskedConversation
from runner.errors import DataError, UsageError
from runner.tasks.generation.options import GenerationOptions
from tests.builders.language.conftest import QUESTIONS, turns

PROMPTS = ["Hi", "What is 1 plus 2?", "Tell me all about the sea, and then some more of it.", "?"]


def rows(*prompts: str) -> list[AskedConversation]:
    return [AskedConversation(Conversation((Message("user", prompt),))) for prompt in prompts]


def options(**fields: Any) -> GenerationOptions:
    made = GenerationOptions(**({"max_new_tokens": 12} | fields))
    made.check()
    return made


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model that has learned a little."""
    import json
    import threading

    from runner.contract import TrainContext
    from runner.runs.checkpoints import RunCheckpoints
    from tests.builders.conftest import Emitted
    from tests.builders.language.conftest import conversations, loaded

    folder = tmp_path_factory.mktemp("answerer")
    kind = registry.load("sft")
    document = {
        "model_type": "sft",
        "base_model_name": "runner/tiny-llama",
        "max_length": 128,
        "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.01},
    }
    (folder / "artifact").mkdir()
    context = TrainContext(
        data=loaded(conversations()), epochs=12, batch_size=4, seed=42, device="cpu", print_every=1, emit=Emitted(),
        checkpoints=RunCheckpoints(folder / "checkpoints", Emitted()), stop_requested=threading.Event().is_set,
        artifact=folder / "artifact", start_from=None, cache=folder / "cache",
    )  # fmt: skip
    kind.train(kind.Spec.model_validate_json(json.dumps(document)), context)
    return kind.Predictor.load(folder / "artifact"), folder / "artifact"


def said(answerer: Any, prompts: Any, batch_size: int = 8, **fields: Any) -> list[list[str]]:
    found = answerer[0].predict(rows(*prompts), options(**fields), batch_size)
    return [[completion.text for completion in each] for each in found]


def test_the_likeliest_answer_is_that_of_a_loop_over_transformers(answerer):
    _, folder = answerer
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    for prompt, (found,) in zip(PROMPTS, said(answerer, PROMPTS), strict=True):
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, return_tensors="pt", return_dict=False
        )
        new: list[int] = []
        for _ in range(12):
            with torch.no_grad():
                token = int(model(input_ids=ids).logits[0, -1].argmax())
            if token == tokenizer.eos_token_id:
                break
            new.append(token)
            ids = torch.cat([ids, torch.tensor([[token]])], dim=1)
        assert found == tokenizer.decode(new).strip() or found == tokenizer.decode(new)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"temperature": 1.0},
        {"temperature": 0.7, "top_k": 5},
        {"temperature": 1.0, "top_p": 0.5},
        {"temperature": 1.0, "min_p": 0.2},
        {"temperature": 1.0, "typical_p": 0.5},
        {"num_beams": 3},
        {"repetition_penalty": 1.5},
    ],
    ids=lambda fields: "-".join(fields) or "greedy",
)
def test_an_answer_is_the_same_alone_and_in_a_batch(answerer, fields):
    together = said(answerer, PROMPTS, **fields)
    assert together == said(answerer, PROMPTS, batch_size=1, **fields)
    assert together[::-1] == said(answerer, PROMPTS[::-1], **fields)


def test_lines_that_are_done_leave_the_others_as_they_are(answerer):
    prompts = [f"{word} {number}" for number in range(6) for word in ("Hi", "What is 1 plus 2?", "?")]
    fields = {"temperature": 1.5, "max_new_tokens": 24, "stop": ["e"], "logprobs": True}
    together = answerer[0].predict(rows(*prompts), options(**fields), 32)
    alone = answerer[0].predict(rows(*prompts), options(**fields), 1)
    for (one,), (other,) in zip(together, alone, strict=True):
        assert (one.text, one.finish_reason) == (other.text, other.finish_reason)
        assert one.completion_tokens == other.completion_tokens == len(one.tokens)
        assert [log for _, log in one.tokens] == pytest.approx([log for _, log in other.tokens], abs=1e-3)
    assert len({each.completion_tokens for (each,) in together}) > 3


def test_a_long_prompt_takes_no_room_from_a_short_one(answerer):
    fields = {"max_new_tokens": 8, "min_new_tokens": 8}
    long = "x" * (2048 - 5 - len(answerer[0].prompt_ids(rows("")[0], options())))
    found = answerer[0].predict(rows(long, "Hi"), options(**fields), 2)
    assert [each.completion_tokens for (each,) in found] == [5, 8]


@pytest.mark.parametrize("fields", [{}, {"temperature": 1.0}, {"stop": ["e"]}], ids=["greedy", "drawn", "stop"])
def test_a_streamed_answer_is_the_one_of_a_batch(answerer, fields):
    for prompt, (found,) in zip(PROMPTS, said(answerer, PROMPTS, **fields), strict=True):
        assert "".join(answerer[0].stream(rows(prompt)[0], options(**fields))).strip() == found.strip()


def test_a_seed_decides_what_is_drawn_and_several_are_drawn_apart(answerer):
    one = said(answerer, PROMPTS, temperature=2.0, seed=1)
    assert one == said(answerer, PROMPTS, temperature=2.0, seed=1)
    assert one != said(answerer, PROMPTS, temperature=2.0, seed=2)
    (many,) = said(answerer, PROMPTS[:1], temperature=2.0, n=4)
    assert len(many) == 4 and len(set(many)) > 1
    assert said(answerer, PROMPTS[:1], temperature=1.0, top_k=1) == said(answerer, PROMPTS[:1])


def test_what_ends_an_answer_is_no_part_of_it(answerer):
    (whole,) = said(answerer, [QUESTIONS[0]], max_new_tokens=20)
    stop = whole[0][2:4]
    found = answerer[0].predict(rows(QUESTIONS[0]), options(max_new_tokens=20, stop=[stop]), 4)[0][0]
    assert found.finish_reason == "stop" and stop not in found.text and whole[0].startswith(found.text)
    cut = answerer[0].predict(rows(QUESTIONS[0]), options(max_new_tokens=2), 4)[0][0]
    assert cut.finish_reason == "length" and cut.completion_tokens == 2


def test_log_probabilities_are_those_of_the_model(answerer):
    predictor, _ = answerer
    found = predictor.predict(rows(PROMPTS[1]), options(logprobs=True), 4)[0][0]
    assert found.tokens and len(found.tokens) == found.completion_tokens
    ids = predictor.prompt_ids(rows(PROMPTS[1])[0], options())
    with torch.no_grad():
        first = torch.log_softmax(predictor.model(input_ids=torch.tensor([ids])).logits[0, -1], -1)
    assert found.tokens[0][1] == pytest.approx(float(first.max()), abs=1e-4)


def test_a_conversation_goes_on_and_a_system_turn_is_put_before(answerer):
    predictor, _ = answerer
    long = AskedConversation(Conversation(turns("Hi", "Hello.", "And?")))
    begun = AskedConversation(Conversation((*turns("Hi"), Message("assistant", "Hel"))))
    text = predictor.tokenizer.decode(predictor.prompt_ids(begun, options()))
    assert text.endswith("<|im_start|>assistant\nHel")
    assert "And?" in predictor.tokenizer.decode(predictor.prompt_ids(long, options()))
    assert "Be brief" in predictor.tokenizer.decode(predictor.prompt_ids(long, options(system="Be brief")))


def test_a_prompt_that_fills_the_model_is_refused_by_its_row(answerer):
    with pytest.raises(DataError) as caught:
        said(answerer, ["Hi", "x" * 3000])
    assert "row 2" in caught.value.message


@pytest.mark.parametrize(
    "fields",
    [{"top_k": 5}, {"num_beams": 2, "temperature": 1.0}, {"n": 2}, {"min_new_tokens": 20}],
)
def test_options_without_an_effect_are_refused(fields):
    with pytest.raises(UsageError):
        options(**fields)


def test_a_model_of_texts_goes_on_with_them(trained: Callable[..., Any]):
    _, context = trained("causal_lm", context={"epochs": 1})
    predictor = registry.load("causal_lm").Predictor.load(context.artifact)
    (found,) = predictor.predict(rows("What is 1"), options(), 4)[0]
    assert found.completion_tokens > 0
    with pytest.raises(DataError):
        predictor.predict([AskedConversation(Conversation(turns("a", "b", "c")))], options(), 4)
