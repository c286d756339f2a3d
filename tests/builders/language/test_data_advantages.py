"""Losses of a spec that go by the advantages of the data's answers: their values, what they teach, what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from runner import registry
from runner.builders.language._fields.loss_fields import JudgedLosses
from runner.builders.language._learning.composed_losses import composed_parts
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.frozen_models import Frozen
from runner.builders.language._learning.loss_terms import composition
from runner.builders.language._learning.training_objectives import DataLines
from runner.builders.language._rows.examples import Examples
from runner.builders.language._rows.token_rows import TokenRows
from runner.chat.messages import Conversation
from runner.contract import Processes
from runner.data.dialogues.row_types import ConversationRow
from runner.errors import DataError
from runner.training.auto_batch_size import RowsAtOnce
from tests.builders.language.conftest import QUESTIONS, steps, turns, weights

IDS = [[72, 101, 108, 108, 111], [87, 104, 121, 63], [78, 111, 33]]
COUNTS = [[0.0, 1.0, 1.0, 0.0, 1.0], [0.0, 0.5, 1.0, 2.0], [0.0, 1.0, 1.0]]
BETTER = [2.0, -1.0, 0.5]
#: The loss of a token from its log-probability now and at the beginning, and its answer's advantage.
FORMS = {
    "importance_sampling": lambda p, q, a: -torch.exp(p - q) * a,
    "ppo": lambda p, q, a: -torch.min(torch.exp(p - q) * a, torch.exp(p - q).clip(0.9, 1.05) * a),
    "cispo": lambda p, q, a: -torch.exp(p - q).clip(0.9, 1.05).detach() * a * p,
}


def log_probs(model: Any, ids: list[int]) -> torch.Tensor:
    """Of every token but the first."""
    logits = model(input_ids=torch.tensor([ids])).logits[0, :-1]
    return torch.log_softmax(logits, -1).gather(1, torch.tensor(ids[1:]).unsqueeze(1)).squeeze(1)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", FORMS)
def test_a_sum_with_a_loss_of_advantages_is_its_formula(base, name, packed):
    began, model = (AutoModelForCausalLM.from_pretrained(base).eval() for _ in range(2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.05)
    clips = {} if name == "importance_sampling" else {"clip_range": 0.1, "clip_range_high": 0.05}
    losses = JudgedLosses.model_validate({name: {"weight": 3.0} | clips, "cross_entropy": {"weight": 0.5}})
    rows = TokenRows.of(IDS, COUNTS)
    advantages = TokenRows(rows.tokens, np.repeat(BETTER, rows.lengths).astype(np.float32))
    examples = Examples(rows, [np.array([2, 0]), np.array([1])] if packed else None)
    machine = Machine(model, model, 0, "cpu", "float32", RowsAtOnce(2), Processes())
    made = composition(losses, model, Frozen(began))
    parts = composed_parts(machine, DataLines(examples, 1, advantages), made)
    found = sum(parts(np.arange(2 if packed else 3)))
    assert isinstance(found, torch.Tensor)
    found.backward()
    gradient = model.get_input_embeddings().weight.grad.clone()
    model.zero_grad()
    total, mass = torch.zeros(()), 0.0
    for ids, counts, better in zip(IDS, COUNTS, BETTER, strict=True):
        now, counted = log_probs(model, ids), torch.tensor(counts[1:])
        with torch.no_grad():
            old = log_probs(began, ids)
        total = total + (counted * (3 * FORMS[name](now, old, torch.tensor(better)) - 0.5 * now)).sum()
        mass += float(counted.sum())
    wanted = total / mass
    wanted.backward()
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5)
    torch.testing.assert_close(gradient, model.get_input_embeddings().weight.grad, atol=1e-6, rtol=1e-4)


def rows(*advantages: float | None) -> list[ConversationRow]:
    """To every question a right answer and, on a line of its own, one that says nothing."""
    found = []
    for at, question in enumerate(QUESTIONS):
        for text in (f"It is {2 * at + 3}.", "no idea !!!"):
            advantage = advantages[len(found) % len(advantages)]
            found.append(ConversationRow(len(found) + 1, Conversation(turns(question, text)), advantage))
    return found


def warnings(context: Any) -> str:
    return "\n".join(event["message"] for event in context.emit if event["event"] == "warning")


def likelihood(folder: Any, text: str) -> float:
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    asked = [{"role": "user", "content": QUESTIONS[0]}]
    prompt = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
    ids = [*prompt, *tokenizer(text, add_special_tokens=False)["input_ids"]]
    with torch.no_grad():
        return log_probs(model, ids)[len(prompt) - 1 :].mean().item()


@pytest.mark.parametrize("name", FORMS)
def test_better_answers_become_likelier_and_worse_ones_less_likely(trained, base, name):
    result, context = trained("sft", name, rows(1.0, -1.0), held=4, losses={name: {}}, keep="last")
    moved = [likelihood(context.artifact, text) - likelihood(base, text) for text in ("It is 3.", "no idea !!!")]
    assert moved[0] > 0 > moved[1]
    assert result.metrics["n_train"] == 20 and result.metrics["n_validation"] == 2
    assert "2 rows of 4 that are held out are measured" in warnings(context)
    assert all(np.isfinite(step["metrics"]["loss"]) for step in steps(context))


def test_rows_without_an_advantage_are_left_out_and_those_of_nothing_counted(trained):
    result, context = trained("sft", "some", rows(1.0, None, 0.0, -1.0), held=4, losses={"ppo": {}, "focal": {}})
    assert result.metrics["n_train"] == 15
    said = warnings(context)
    assert "left out, as it has no advantage: 5 rows (line 2, 6, 10, 14, 18)" in said
    assert "5 rows of 15 teach nothing, as their advantage is 0" in said


def test_what_cannot_be_learned_is_refused(trained):
    with pytest.raises(DataError, match=r"the rows have no advantages, which ppo, cispo") as lacking:
        trained("sft", "none", losses={"cispo": {}, "ppo": {}, "cross_entropy": {}})
    assert lacking.value.where == "/model/spec/losses/ppo" and "data.columns.advantage" in (lacking.value.hint or "")
    with pytest.raises(DataError, match=r"the advantage of every row is 0 \(20 rows\)"):
        trained("sft", "zero", rows(0.0), held=4, losses={"importance_sampling": {}, "kl_to_reference": {}})
    # Beside a loss that learns the tokens, rows of advantage 0 are learned.
    _, context = trained("sft", "beside", rows(0.0), held=4, losses={"importance_sampling": {}, "cross_entropy": {}})
    assert "20 rows of 20 teach nothing" in warnings(context)


def test_advantages_that_nothing_learns_from_are_told(trained):
    _, context = trained("sft", "unused", rows(1.0), held=4, context={"epochs": 1})
    assert "20 rows of 20 have an advantage, of which nothing is learned" in warnings(context)


@pytest.mark.parametrize("name", ["clip_range", "clip_range_high", "weight"])
@pytest.mark.slow
@pytest.mark.warm
def test_every_field_of_a_clipped_loss_changes_what_is_learned(trained, name):
    found = []
    for value in (0.001, 0.9):
        losses = {loss: {"clip_range": 0.1} | {name: value} for loss in ("ppo", "cispo")}
        fields = {"keep": "last", "max_grad_norm": None}
        _, context = trained("sft", f"{name}-{value}", rows(1.0, -1.0), held=4, losses=losses, **fields)
        found.append({key: value.tolist() for key, value in weights(context.artifact).items()})
    assert found[0] != found[1]


def test_a_teacher_and_advantages_are_not_both_followed(base):
    teacher = {"teacher_type": "model", "model_name": str(base)}
    document = {"model_type": "sft", "base_model_name": str(base), "losses": {"ppo": {}}}
    document["distillation"] = {"teacher": teacher}
    with pytest.raises(ValueError, match="a teacher says what is better"):
        registry.load("sft").Spec.model_validate_json(json.dumps(document))
