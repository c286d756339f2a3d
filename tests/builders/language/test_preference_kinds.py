"""dpo, orpo, kto and reward: their losses by hand, and what each field does."""

from __future__ import annotations

import math

import pytest
import torch

from runner.builders.language._learning import preference_losses as losses
from runner.builders.language._learning.kto_objective import kto_loss
from runner.chat.messages import Message
from runner.data.dialogues.row_types import LabelledRow, PreferenceRow
from runner.errors import DataError
from tests.builders.language.conftest import preferences, steps

MARGIN = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64)


def test_the_losses_of_pairs_are_their_closed_forms():
    beta = 0.5
    plain = torch.tensor([-math.log(1 / (1 + math.exp(-beta * m))) for m in MARGIN.tolist()], dtype=torch.float64)
    turned = torch.tensor([-math.log(1 / (1 + math.exp(beta * m))) for m in MARGIN.tolist()], dtype=torch.float64)
    torch.testing.assert_close(losses.dpo(MARGIN, "sigmoid", beta), plain)
    torch.testing.assert_close(losses.dpo(MARGIN, "sigmoid", beta, 0.1), 0.9 * plain + 0.1 * turned)
    torch.testing.assert_close(losses.dpo(MARGIN, "robust", beta, 0.1), (0.9 * plain - 0.1 * turned) / 0.8)
    assert losses.dpo(MARGIN, "hinge", beta).tolist() == [2.0, 1.0, 0.0]
    assert losses.dpo(MARGIN, "ipo", beta).tolist() == [9.0, 1.0, 4.0]


def test_the_odds_ratio_is_its_closed_form_also_near_certainty():
    chosen, rejected = torch.tensor([-0.5, -1e-9]), torch.tensor([-2.0, -3.0])
    found = losses.odds_ratio(chosen, rejected)

    def odds(log_p: float) -> float:
        return math.log(math.exp(log_p) / -math.expm1(log_p))

    assert found[0].item() == pytest.approx(odds(-0.5) - odds(-2.0), abs=1e-5)
    assert math.isfinite(found[1].item())


def test_the_loss_of_single_answers_is_its_closed_form():
    ratio, wanted = torch.tensor([2.0, 2.0]), torch.tensor([True, False])
    found = kto_loss(ratio, wanted, torch.tensor(1.0), 0.5, "kto")
    sigmoid = 1 / (1 + math.exp(-0.5))
    assert found.tolist() == pytest.approx([1 - sigmoid, sigmoid])
    found = kto_loss(ratio, wanted, torch.tensor(1.0), 0.5, "apo_zero_unpaired")
    sigmoid = 1 / (1 + math.exp(-1.0))
    assert found.tolist() == pytest.approx([1 - sigmoid, sigmoid])


def test_the_first_loss_of_dpo_is_ln_2_for_the_reference_is_where_it_began(trained):
    result, context = trained("dpo", context={"epochs": 1})
    before = dict(zip(result.tables["baselines"]["columns"], result.tables["baselines"]["rows"][0], strict=True))
    assert before["loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert before["reward_accuracy"] == 0.5
    assert result.metrics["loss"] < 0.6 and result.metrics["reward_accuracy"] > 0.9
    assert result.metrics["reward_margin"] > 0.5
    assert steps(context)[0]["metrics"]["train_loss"] < math.log(2)


@pytest.mark.parametrize("kind", ["dpo", "orpo", "kto", "reward"])
@pytest.mark.slow
@pytest.mark.warm
def test_the_better_answer_wins(trained, kind):
    result, _ = trained(kind, context={"epochs": 3})
    accuracy = result.metrics["accuracy" if kind == "reward" else "reward_accuracy"]
    assert accuracy > 0.9


def test_margins_of_the_data_push_rewards_apart(trained):
    rows = [PreferenceRow(row.line, row.prompt, row.chosen, row.rejected, margin=3.0) for row in preferences()]
    plain, _ = trained("reward", "plain", context={"epochs": 2})
    pushed, _ = trained("reward", "pushed", rows, context={"epochs": 2})
    assert pushed.metrics["margin"] > plain.metrics["margin"]


def test_equal_answers_and_cut_ones_are_left_out_by_line(trained):
    same = preferences()[0]
    rows = [PreferenceRow(50, same.prompt, same.chosen, same.chosen), *preferences()]
    _, context = trained("dpo", rows=rows, context={"epochs": 1})
    assert any(
        "line 50" in event["message"] and "same tokens" in event["message"] for event in context.emit.of("warning")
    )
    with pytest.raises(DataError):
        trained("reward", "short", max_length=16)
    with pytest.raises(DataError) as caught:
        trained("dpo", "shorter", max_length=8)
    # It has no field that says which turns are learned.
    assert caught.value.hint == "a greater max_length"


#: An answer keeps its reasoning only while it is the last.
FORGETS = """\
{%- for m in messages -%}
<|im_start|>{{ m['role'] }}
{%- if loop.last and m['reasoning_content'] -%}<think>{{ m['reasoning_content'] }}</think>{%- endif -%}
{{- m['content'] }}<|im_end|>
{%- endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant{%- endif -%}
"""


@pytest.mark.parametrize("kind", ["dpo", "orpo", "kto", "reward"])
@pytest.mark.slow
@pytest.mark.warm
def test_an_answer_of_several_turns_is_learned_where_the_template_rewrites_earlier_ones(trained, tmp_path, kind):
    def answer(*texts: str) -> tuple[Message, ...]:
        first, question, second = texts
        return (
            Message("assistant", first, reasoning="thought"),
            Message("user", question),
            Message("assistant", second, reasoning="more"),
        )

    template = tmp_path / "forgets.jinja"
    template.write_text(FORGETS)
    rows = [
        PreferenceRow(row.line, row.prompt, answer(row.chosen[0].content, "Sure?", "Yes."), answer("no", "Sure?", "?"))
        for row in preferences()
    ]
    if kind == "kto":
        rows = [
            LabelledRow(row.line, row.prompt, answer, wanted)
            for row in rows
            for answer, wanted in ((row.chosen, True), (row.rejected, False))
        ]
    result, context = trained(kind, rows=rows, context={"epochs": 2}, chat={"template": str(template)}, max_length=256)
    assert not [event for event in context.emit.of("warning") if "rewritten" in event["message"]]
    assert result.metrics["n_train"] == len(rows) - 3
    if kind == "reward":
        return
    before = dict(zip(result.tables["baselines"]["columns"], result.tables["baselines"]["rows"][0], strict=True))
    assert result.metrics["loss"] < before["loss"]
    assert result.metrics["trained_tokens"] > len("<think>thought</think><think>more</think>") * len(rows[:-3])
    if kind == "dpo":
        assert before["loss"] == pytest.approx(math.log(2), abs=1e-6)


def test_a_step_of_one_answer_is_refused_by_kto(trained):
    with pytest.raises(DataError) as caught:
        trained("kto", context={"batch_size": 1})
    assert caught.value.where == "/batch_size"
    trained("kto", "two", context={"batch_size": 1, "epochs": 1}, gradient_accumulation=2)
