"""How likely a stored model finds given tokens: what a plain loop over transformers says, whatever is in the batch."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from runner.builders.language._answering.foretelling import after_text, windows
from runner.builders.language._answering.generator import Generator
from runner.chat.messages import Conversation, Message
from runner.chat.refusals import Unrenderable
from runner.chat.renderer import ChatRenderer
from runner.data.dialogues.infer_rows import AskedConversation
from runner.tasks.generation.options import GenerationOptions
from runner.tasks.generation.passages import Likelihood, Passage

CASES = Path(__file__).parents[4] / "shared" / "cases" / "language" / "inputs"
ANSWERS = [
    ("Is it?", " yes"),
    ("What is 1 plus 2? ", "3"),
    ("Name the sea, and say a word of it.", " Baltic, and more."),
    ("", "Go."),
]


@pytest.fixture(scope="module")
def opened(base: Path) -> tuple[Generator, Any]:
    """The tiny model with its template, and the same as transformers loads it."""
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModelForCausalLM.from_pretrained(base).eval()
    return Generator(model, tokenizer, ChatRenderer.of(tokenizer)), model


def asked(text: str) -> AskedConversation:
    return AskedConversation(Conversation((Message("user", text),)))


def found(generator: Generator, passages: list[Passage], batch_size: int) -> list[Likelihood]:
    numbered = [each for batch in generator.likelihoods(passages, batch_size) for each in batch]
    assert sorted(at for at, _ in numbered) == list(range(len(passages)))
    return [likelihood for _, likelihood in sorted(numbered, key=lambda each: each[0])]


def by_hand(model: Any, passage: Passage) -> tuple[float, bool]:
    """One token after the other, each from all before it."""
    total, likeliest = 0.0, True
    for at in range(passage.begin, len(passage.ids)):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([passage.ids[:at]])).logits[0, -1].double()
        total += float(torch.log_softmax(logits, dim=-1)[passage.ids[at]])
        likeliest = likeliest and int(logits.argmax()) == passage.ids[at]
    return total, likeliest


@pytest.mark.parametrize("chat", [True, False], ids=["chat", "text"])
def test_likelihoods_are_those_of_a_loop_over_transformers(opened, chat):
    generator, model = opened
    predictor = generator if chat else generator.without_template()
    passages = [predictor.answered(asked(prompt), answer, GenerationOptions()) for prompt, answer in ANSWERS]
    for passage, likelihood in zip(passages, found(predictor, passages, 4), strict=True):
        total, likeliest = by_hand(model, passage)
        assert likelihood.log_prob == pytest.approx(total, abs=1e-4)
        assert (likelihood.tokens, likelihood.likeliest) == (len(passage.ids) - passage.begin, likeliest)


def test_what_the_model_would_say_is_the_likeliest(opened):
    generator, _ = opened
    options = GenerationOptions(max_new_tokens=3, min_new_tokens=3)
    ((said,),) = generator.predict([asked("Is it?")], options, 1)
    whole = generator.prompt_ids(asked("Is it?"), options)
    ids = generator.tokenizer(said.text, add_special_tokens=False)["input_ids"]
    (likelihood,) = found(generator, [Passage([*whole, *ids], len(whole))], 1)
    assert likelihood.likeliest


@contextlib.contextmanager
def rows_read() -> Iterator[list[int]]:
    """The rows of each batch that a transformer reads, by torch's own hook."""
    found: list[int] = []

    def see(module: torch.nn.Module, given: Any, out: Any) -> None:
        if type(module).__name__ == "LlamaModel":
            found.append(len(out[0]))

    hook = torch.nn.modules.module.register_module_forward_hook(see)
    try:
        yield found
    finally:
        hook.remove()


@pytest.mark.parametrize("size", [1, 2, 4])
def test_likelihoods_do_not_hang_on_the_batch(opened, size):
    """Prompts of uneven length, as ``eval-batch-size`` has them."""
    file = CASES / "eval-batch-size" / "prompts.jsonl"
    prompts = [json.loads(line)["prompt"] for line in file.read_text().splitlines()] if file.exists() else ["a", "b c"]
    predictor = opened[0]
    passages = [
        predictor.answered(asked(prompt), word, GenerationOptions()) for prompt in prompts for word in ("yes", "no")
    ]
    alone = [likelihood.log_prob for likelihood in found(predictor, passages, 1)]
    assert [each.log_prob for each in found(predictor, passages, size)] == pytest.approx(alone, abs=1e-4)


def test_answers_of_one_token_to_one_prompt_are_read_together(opened):
    generator, model = opened
    predictor = generator.without_template()
    before = predictor.answered(asked("Is it?"), "a", GenerationOptions())
    prompt, other = before.ids[: before.begin], before.ids[: before.begin - 1]
    passages = [
        *(Passage([*prompt, token], len(prompt)) for token in (70, 71, 72)),
        Passage([*other, 70], len(other)),
        *(Passage([*other, 70, token], len(other)) for token in (71, 73)),
        Passage([*prompt, 71], len(prompt)),
    ]
    with rows_read() as read:
        likelihoods = found(predictor, passages, 4)
    assert read == [3, 1], "three by themselves, and one for four"
    for passage, likelihood in zip(passages, likelihoods, strict=True):
        total, likeliest = by_hand(model, passage)
        assert likelihood.log_prob == pytest.approx(total, abs=1e-4)
        assert (likelihood.tokens, likelihood.likeliest) == (len(passage.ids) - passage.begin, likeliest)


def test_what_is_left_is_batched_as_it_would_have_been(opened):
    predictor = opened[0].without_template()
    passages = [predictor.answered(asked("x" * length), "yes", GenerationOptions()) for length in (3, 40, 9, 17, 5, 28)]
    batches = list(predictor.likelihoods(passages, 2))
    done = {at for at, _ in batches[0]}
    left = [at for at in range(len(passages)) if at not in done]
    again = [
        [(left[at], likelihood) for at, likelihood in batch]
        for batch in predictor.likelihoods([passages[at] for at in left], 2)
    ]
    assert again == batches[1:]


def test_an_answer_in_a_chat_has_the_tokens_that_it_is_trained_with(opened):
    generator, _ = opened
    passage = generator.answered(asked("Is it?"), "yes", GenerationOptions())
    trained = generator.renderer.trained(Conversation((Message("user", "Is it?"), Message("assistant", "yes"))))
    assert passage.ids == trained.ids[: len(passage.ids)]
    assert generator.tokenizer.decode(passage.ids[passage.begin :]) == "yes"
    assert passage.prompt == generator.prompt_ids(asked("Is it?"), GenerationOptions())


def test_blanks_at_the_end_of_a_prompt_are_the_answer_s(opened):
    tokenizer = opened[0].tokenizer
    assert after_text(tokenizer, "Is it?  ", "yes") == after_text(tokenizer, "Is it?", "  yes")
    with pytest.raises(Unrenderable, match="no token of its own"):
        after_text(tokenizer, "Is it?", "")


@pytest.mark.parametrize("longest", [6, 7, 50])
def test_every_token_of_a_text_is_foretold_once_whatever_the_window(opened, longest):
    tokenizer = opened[0].tokenizer
    text = "The barge was late."
    parts = windows(tokenizer, text, longest)
    assert max(len(part.ids) for part in parts) <= longest
    assert [token for part in parts for token in part.ids[part.begin :]] == tokenizer(text, add_special_tokens=False)[
        "input_ids"
    ]
    assert parts[0].ids[0] == (tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id)
