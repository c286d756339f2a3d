"""causal_lm and sft: what is learned, by which weights, and what each field does."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from runner.chat.messages import Conversation, Message
from runner.data.dialogues.row_types import ConversationRow, TextRow
from runner.errors import DataError
from tests.builders.language.conftest import conversations, steps, texts, turns, weights


def hand_loss(base, rows: list[ConversationRow]) -> float:
    """The mean loss of the answers' tokens by transformers alone, a row at a time."""
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModelForCausalLM.from_pretrained(base)
    total, count = 0.0, 0
    for row in rows:
        question, answer = (message.content for message in row.conversation.messages)
        before = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
        ids = tokenizer(before + f"{answer}<|im_end|>", return_tensors="pt", add_special_tokens=False).input_ids
        labels = ids.clone()
        labels[:, : len(tokenizer(before, add_special_tokens=False).input_ids)] = -100
        with torch.no_grad():
            loss = model(input_ids=ids, labels=labels).loss.item()
        tokens = int((labels != -100).sum())
        total, count = total + loss * tokens, count + tokens
    return total / count


def test_the_loss_is_that_of_the_answers_alone_with_their_end(base, trained):
    result, _ = trained("sft", context={"epochs": 1})
    before = result.tables["baselines"]["rows"][0][1]
    assert before == pytest.approx(hand_loss(base, conversations()[-3:]), abs=1e-5)
    assert result.metrics["perplexity"] == pytest.approx(math.exp(result.metrics["loss"]))
    assert result.metrics["loss"] < before - 0.5
    assert result.metrics["loss_low"] <= result.metrics["loss"] <= result.metrics["loss_high"]


def test_what_is_stored_is_what_transformers_loads_and_what_was_measured(trained):
    result, context = trained("sft", context={"epochs": 1})
    assert hand_loss(context.artifact, conversations()[-3:]) == pytest.approx(result.metrics["loss"], abs=1e-5)


@pytest.mark.parametrize(
    ("loss_on", "learned"),
    [
        ("assistant", ("one<|im_end|>", "two<|im_end|>")),
        ("last_assistant", ("two<|im_end|>",)),
        ({"assistant": 0, "user": 2.0}, ("first", "second")),
    ],
)
def test_loss_on_names_the_turns_that_count(base, spec, loss_on, learned):
    from runner.builders.language._rows.rendering import conversations as as_tokens
    from runner.chat.renderer import ChatRenderer

    tokenizer = AutoTokenizer.from_pretrained(base)
    row = ConversationRow(1, Conversation(turns("first", "one", "second", "two")))
    own = spec("sft", loss_on=loss_on)
    side = as_tokens([row], ChatRenderer.of(tokenizer), own.loss_on, 256, "train")
    text = tokenizer.decode(side.rows.tokens.ids[side.rows.weights > 0])
    for words in learned:
        assert words in text
    assert ("first" in text) == ("first" in learned)
    assert set(side.rows.weights.tolist()) == {0.0, 2.0 if isinstance(loss_on, dict) else 1.0}


def test_all_turns_may_count(trained):
    everything, _ = trained("sft", "all", context={"epochs": 1}, loss_on="all")
    answers, _ = trained("sft", "answers", context={"epochs": 1})
    assert everything.metrics["trained_tokens"] > 2 * answers.metrics["trained_tokens"]


def test_a_messages_own_weight_goes_before(trained):
    rows = [
        ConversationRow(
            row.line, Conversation((row.conversation.messages[0], replace(row.conversation.messages[1], weight=0.0)))
        )
        for row in conversations()[:9]
    ]
    with pytest.raises(DataError) as caught:
        trained("sft", rows=[*rows, *conversations()[-3:]])
    assert caught.value.where == "/data" and "9 rows" in caught.value.message


def test_accumulated_batches_are_as_one_and_packed_rows_as_padded_ones(trained):
    whole, _ = trained("sft", "whole", context={"epochs": 1, "batch_size": 8})
    parts, _ = trained("sft", "parts", context={"epochs": 1, "batch_size": 2}, gradient_accumulation=4)
    assert parts.metrics["loss"] == pytest.approx(whole.metrics["loss"], abs=1e-4)
    padded, one = trained("sft", "padded", context={"epochs": 1, "batch_size": 9})
    packed, other = trained("sft", "packed", context={"epochs": 1, "batch_size": 9}, packing="packed")
    assert packed.metrics["loss"] == pytest.approx(padded.metrics["loss"], abs=1e-4)
    assert len(steps(one)) == len(steps(other)) == 1


def test_a_row_that_trains_nothing_is_named_and_none_at_all_is_refused(trained):
    long = ConversationRow(77, Conversation(turns("x" * 500, "never read")))
    _, context = trained("sft", rows=[long, *conversations()], context={"epochs": 1})
    told = [event["message"] for event in context.emit.of("warning")]
    assert any("line 77" in message and "max_length" in message for message in told)
    with pytest.raises(DataError) as caught:
        trained("sft", "none", rows=[long] * 5)
    assert "77" in caught.value.message and caught.value.hint


def test_fewer_rows_than_a_step_holds_are_one_step(trained):
    result, context = trained("sft", context={"epochs": 1, "batch_size": 64}, gradient_accumulation=4)
    assert len(steps(context)) == 1
    assert result.metrics["loss"] < result.tables["baselines"]["rows"][0][1]


def test_steps_are_counted_measured_and_ended_by_their_fields(trained):
    _, context = trained("sft", "every", evaluation={"every": 2}, context={"epochs": 3, "batch_size": 3})
    assert [event["step"] for event in steps(context)] == [2, 4, 6, 8, 9]
    assert steps(context)[-1]["epoch"] == 3
    _, context = trained("sft", "few", max_steps=4, context={"epochs": 3, "batch_size": 3})
    assert [(event["event"], event.get("step") or event["epoch"]) for event in steps(context)] == [
        ("epoch", 1),
        ("step", 4),
    ]


def test_measurements_tell_the_tokens_so_far_the_pace_and_the_memory(trained):
    result, context = trained("sft", evaluation={"every": 2}, context={"epochs": 2, "batch_size": 3})
    told = steps(context)
    assert [event["tokens"] for event in told] == sorted({event["tokens"] for event in told})
    assert told[-1]["tokens"] == 2 * result.metrics["train_tokens"]
    assert told[-1]["trained_tokens"] == 2 * result.metrics["trained_tokens"]
    for event in told:
        assert event["pace"]["tokens_per_second"] > 0
        assert event["pace"]["peak_memory"] > 2**20


def test_the_best_measurement_is_kept_or_the_last(trained):
    fields = {"optimizer": {"optimizer_type": "adamw", "learning_rate": 1.0}, "max_grad_norm": None}
    best, one = trained("sft", "best", context={"epochs": 3}, **fields)
    last, other = trained("sft", "last", context={"epochs": 3}, keep="last", **fields)
    losses = [event["metrics"]["loss"] for event in steps(one)]
    assert losses == [event["metrics"]["loss"] for event in steps(other)]
    assert best.metrics["loss"] == pytest.approx(min(losses), rel=1e-5)
    assert last.metrics["loss"] == pytest.approx(losses[-1], rel=1e-5)
    assert min(losses) < losses[-1]


def test_activations_computed_anew_give_the_same_model(trained):
    _, plain = trained("sft", "plain", context={"epochs": 1})
    _, again = trained("sft", "again", context={"epochs": 1}, gradient_checkpointing=True)
    for name, tensor in weights(plain.artifact).items():
        torch.testing.assert_close(weights(again.artifact)[name], tensor, atol=1e-5, rtol=1e-4)


def test_a_long_text_is_learned_whole_in_blocks(trained, base):
    from runner.builders.language._rows.rendering import texts as as_tokens

    tokenizer = AutoTokenizer.from_pretrained(base)
    side = as_tokens([TextRow(5, "abcdefghij" * 10)], tokenizer, 32, "train")
    assert side.rows.lengths.max() == 32
    # 100 letters and the end, each foretold once: all but the first.
    assert side.rows.trained.sum() == 100
    assert set(side.groups) == {5}
    result, _ = trained("causal_lm", context={"epochs": 1}, max_length=32)
    assert result.metrics["loss"] < result.tables["baselines"]["rows"][0][1]


def test_bins_hold_every_row_once_and_never_too_much():
    from runner.builders.language._rows.packing import bins_of

    lengths = np.random.default_rng(0).integers(1, 60, 200)
    bins = bins_of(lengths, 64)
    assert sorted(np.concatenate(bins).tolist()) == list(range(200))
    assert max(lengths[rows].sum() for rows in bins) <= 64
    assert len(bins) <= 1.1 * lengths.sum() / 64 + 1


def test_texts_that_say_nothing_are_left_out(trained):
    rows = [TextRow(9, ""), *texts()]
    _, context = trained("causal_lm", rows=rows, context={"epochs": 1})
    assert any("line 9" in event["message"] for event in context.emit.of("warning"))


def test_a_system_turn_is_read_and_not_learned(trained):
    rows = [
        ConversationRow(row.line, Conversation((Message("system", "Be short."), *row.conversation.messages)))
        for row in conversations()
    ]
    with_system, _ = trained("sft", "system", rows=rows, context={"epochs": 1})
    without, _ = trained("sft", "none", context={"epochs": 1})
    assert with_system.metrics["trained_tokens"] == without.metrics["trained_tokens"]
    assert with_system.metrics["train_tokens"] > without.metrics["train_tokens"]
