"""Kinds that learn from rewards: what they draw, count, tell, and refuse."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._reinforcing.experience import Experience
from runner.builders.language._reinforcing.pair_objective import PairObjective
from runner.builders.language._reinforcing.policy_objectives import GroupObjective
from runner.builders.language._reinforcing.policy_training import again
from runner.builders.language._reinforcing.rollouts import Drawn
from runner.builders.language._rewards.judged_answer import JudgedAnswer
from runner.chat.messages import Conversation, Message
from runner.contract import Processes
from runner.contract.foreign_code import CodeLimits, Program
from runner.data.dialogues.row_types import PromptRow
from runner.errors import DataError, RunFailed
from runner.training.auto_batch_size import RowsAtOnce
from tests.builders.language.conftest import REINFORCED, prompts, steps, weights
from tests.inference.collecting.endpoint import serving

ONE_EPOCH = {"epochs": 1, "batch_size": 4}


def judge(tmp_path: Path, body: str) -> dict[str, Any]:
    path = tmp_path / "judge.py"
    path.write_text(f"def reward(prompts, completions, **columns):\n    return {body}\n")
    return {"own": {"reward_type": "function", "file": str(path)}}


@pytest.mark.parametrize("kind", REINFORCED)
def test_what_is_measured_and_told(trained, kind):
    result, context = trained(kind, context=ONE_EPOCH, rewards={
        "short": {"reward_type": "length", "target": 2, "unit": "characters"},
        "digit": {"reward_type": "regular_expression", "pattern": r"\d", "weight": 2.0},
    })  # fmt: skip
    assert result.metrics["reward_low"] <= result.metrics["reward"] <= result.metrics["reward_high"]
    assert result.metrics["n_train"] == 9
    table = result.tables["rewards"]
    assert [row[:3] for row in table["rows"]] == [["short", "length", 1.0], ["digit", "regular_expression", 2.0]]
    after = dict(zip(table["columns"], zip(*table["rows"], strict=True), strict=True))["after"]
    assert result.metrics["reward"] == pytest.approx(after[0] + 2 * after[1])
    (epoch,) = steps(context)
    told = epoch["metrics"]
    assert told["train_reward"] == pytest.approx(told["train_reward_short"] + 2 * told["train_reward_digit"])
    assert 0 < told["train_answer_tokens"] <= 4
    assert ("train_kl" in told) == (kind == "ppo")
    assert ("train_equal_groups" in told) == (kind != "ppo")


@pytest.mark.parametrize("kind", ["online_dpo", "grpo"])
def test_a_judge_behind_an_endpoint_is_learned_from(trained, kind):
    """Its likes turned round, the steps go elsewhere: what it says of the drawn answers is what is learned."""

    def of_letters(body: dict[str, Any], likes: str) -> str:
        first, second = body["messages"][-1]["content"].partition("Second answer:")[::2]
        counts = [sum(map(str.isalpha, part)) for part in (first.partition("First answer:")[2], second)]
        return likes if counts[0] > counts[1] else "[[B]]" if likes == "[[A]]" else "[[A]]"

    stored = []
    for likes in ("[[A]]", "[[B]]"):
        with serving() as endpoint:
            endpoint.answer = partial(of_letters, likes=likes)
            own = {"own": {"reward_type": "judge", "base_url": endpoint.url, "model": "judge"}}
            result, context = trained(kind, likes, context=ONE_EPOCH, rewards=own)
            assert endpoint.asked["judge"] > 0
        (epoch,) = steps(context)
        assert 0 < epoch["metrics"]["train_reward"] < 1, "some answers won and some lost"
        assert 0 <= result.metrics["reward"] <= 1
        stored.append(weights(context.artifact))
    assert any(not torch.equal(tensor, stored[1][name]) for name, tensor in stored[0].items())


def test_a_training_whose_judge_says_nothing_that_can_be_read_fails_by_its_words(trained):
    with serving() as endpoint:
        endpoint.answer = lambda body: "A"
        own = {"own": {"reward_type": "judge", "base_url": endpoint.url, "model": "judge"}}
        with pytest.raises(RunFailed, match=r"the judge gave no verdict.* it said 'A'") as error:
            trained("grpo", context=ONE_EPOCH, max_steps=1, group_size=2, rewards=own)
    assert error.value.where == "/model/spec/rewards/own"


def test_groups_of_equal_rewards_are_counted_and_told(trained, tmp_path):
    body = "[len(text) / 7 if right == 3 else 0.0 for text, right in zip(completions, columns['answer'])]"
    rows = [*prompts(), *prompts()[1:]]
    result, context = trained("grpo", rows=rows, context=ONE_EPOCH, rewards=judge(tmp_path, body))
    assert result.metrics["train_equal_groups"] == 19 / 20
    assert any("95% of the groups" in event["message"] for event in context.emit.of("warning"))


@pytest.mark.parametrize("kind", REINFORCED)
def test_a_training_whose_answers_are_all_worth_the_same_fails(trained, tmp_path, kind):
    with pytest.raises(RunFailed, match="nothing was learned") as error:
        trained(kind, context=ONE_EPOCH, rewards=judge(tmp_path, "[0.5 for each in completions]"))
    assert error.value.where == "/model/spec/rewards"


@pytest.mark.parametrize("kind", REINFORCED)
def test_a_training_whose_answers_are_all_cut_and_left_out_fails(trained, kind):
    with pytest.raises(RunFailed, match=r"none of .* answers ended within max_new_tokens.* nothing was learned"):
        trained(kind, context=ONE_EPOCH, mask_cut=True, max_new_tokens=1)


def test_a_training_of_which_no_answer_has_a_reward_fails(trained, tmp_path):
    with pytest.raises(RunFailed, match="no reward applied to any of 27 answers: nothing was learned") as error:
        trained("grpo", context=ONE_EPOCH, rewards=judge(tmp_path, "[None for each in completions]"))
    assert error.value.where == "/model/spec/rewards"


def test_answers_beside_one_without_a_reward_are_learned_from(trained, tmp_path):
    body = "[None if at == 0 else float(len(text.encode())) for at, text in enumerate(completions)]"
    result, context = trained("grpo", context=ONE_EPOCH, rewards=judge(tmp_path, body))
    assert result.metrics["train_unrewarded_answers"] == 9
    assert result.metrics["train_equal_groups"] < 1
    assert all(torch.isfinite(tensor).all() for tensor in weights(context.artifact).values())


@pytest.mark.parametrize("kind", REINFORCED)
def test_a_reward_that_raises_ends_the_training_by_row_and_step(trained, tmp_path, kind):
    body = "[1.0 for each in completions] if columns['answer'][0] != 7 else [float('nan')]"
    with pytest.raises(RunFailed) as error:
        trained(kind, context=ONE_EPOCH, rewards=judge(tmp_path, body))
    assert "the reward own" in error.value.message
    assert "line 3" in error.value.message
    assert "at step" in error.value.message


class OutOfTime:
    """Two of three programs that are run come to no end."""

    def __init__(self) -> None:
        self._ends = cycle(["passed", "timeout", "timeout"])

    def run(self, programs: Sequence[Program], limits: CodeLimits) -> list[list[str]]:
        return [[next(self._ends)] * len(program.tests) for program in programs]


def test_code_that_runs_out_of_time_is_counted_and_told(trained):
    rows = [PromptRow(row.line, row.prompt, {"tests": "assert x == 1"}) for row in prompts()]
    code = {"own": {"reward_type": "code", "column": "tests"}}
    result, context = trained("grpo", rows=rows, context=ONE_EPOCH | {"code": OutOfTime()}, rewards=code)
    assert result.metrics["reward"] == pytest.approx(1 / 3)
    assert result.tables["code"]["rows"] == [["own", 9, 0, 18, 0]]
    assert any(
        "own: the code of 18 of 27 answers ran out of time" in each["message"] for each in context.emit.of("warning")
    )


def test_prompts_that_leave_no_room_are_left_out(trained):
    rows = [*prompts()[:11], PromptRow(99, Conversation((Message("user", "x" * 200),)), {})]
    _, context = trained("grpo", rows=rows, held=3, context=ONE_EPOCH)
    assert any(
        "leaves no room" in event["message"] and "99" in event["message"] for event in context.emit.of("warning")
    )
    with pytest.raises(DataError) as error:
        trained("grpo", "none", context=ONE_EPOCH, max_length=16)
    assert "no room" in error.value.message


def test_what_is_drawn_goes_by_the_seed_alone(trained, tmp_path):
    log, path = tmp_path / "said.txt", tmp_path / "judge.py"
    path.write_text(
        "def reward(prompts, completions, **columns):\n"
        f"    with open({str(log)!r}, 'a') as file:\n"
        "        file.writelines(f'{text!r}\\n' for text in completions)\n"
        "    return [float(text.isascii()) for text in completions]\n"
    )
    rewards = {"own": {"reward_type": "function", "file": str(path)}}

    def said(name: str, seed: int) -> str:
        log.unlink(missing_ok=True)
        trained("grpo", name, context=ONE_EPOCH | {"seed": seed}, rewards=rewards)
        return log.read_text()

    first = said("one", 4)
    assert len(first.splitlines()) == 27 + 3 * 3
    assert said("two", 4) == first
    assert said("three", 5) != first


def test_the_prompts_of_a_step_come_again_and_the_last_step_is_filled_up():
    found = again(lambda rng: np.array([4, 2, 9]), 2, 2)(np.random.default_rng(0))
    assert found.tolist() == [4, 2, 4, 2, 9, 4, 9, 4]
    assert again(lambda rng: np.array([4, 2, 9]), 2, 1)(np.random.default_rng(0)).tolist() == [4, 2, 9]


# ---- The loss of TRL's GRPOTrainer, computed from what its source says (trl/trainer/grpo_trainer.py, compute_loss)


def trl_loss(
    logs: torch.Tensor, old: torch.Tensor, reference: torch.Tensor, rewards: torch.Tensor, mask: torch.Tensor,
    *, loss_type: str, beta: float, low: float, high: float, longest: int, cispo: bool = False,
) -> torch.Tensor:  # fmt: skip
    """Of answers padded on the right, ``[B, T]``, in groups of ``rewards`` ``[B / n, n]``."""
    advantages = (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)
    advantages = advantages.view(-1, 1)
    ratio = torch.exp(logs - old)
    if cispo:
        per_token = -ratio.clamp(1 - low, 1 + high).detach() * advantages * logs
    else:
        per_token = -torch.min(ratio * advantages, ratio.clamp(1 - low, 1 + high) * advantages)
    per_token = per_token + beta * (torch.exp(reference - logs) - (reference - logs) - 1)
    if loss_type == "grpo":
        return ((per_token * mask).sum(-1) / mask.sum(-1).clamp(min=1.0)).mean()
    if loss_type == "dr_grpo":
        return (per_token * mask).sum() / (per_token.size(0) * longest)
    return (per_token * mask).sum() / mask.sum()


class Fixed(torch.nn.Module):
    """A model whose odds do not depend on what it reads, but on the place: ``[T, V]``."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(logits)
        self.device = torch.device("cpu")
        self.config = type("Config", (), {"get_text_config": lambda self: self, "logit_scale": 2.0})()

    def forward(self, input_ids: torch.Tensor, **_: Any) -> Any:
        every = self.table[: input_ids.shape[1]].unsqueeze(0).expand(len(input_ids), -1, -1)
        return type("Out", (), {"logits": every})


def machine_of(model: Any) -> Machine:
    return Machine(model, model, 0, "cpu", "float32", RowsAtOnce(64), Processes())


def answer(prompt: list[int], made: list[int]) -> Drawn:
    row = PromptRow(1, Conversation((Message("user", "?"),)), {})
    return Drawn(prompt, made, JudgedAnswer(row, "", Message("assistant", ""), len(made), False))


@pytest.mark.parametrize("loss_type", ["grpo", "bnpo", "dapo", "dr_grpo"])
@pytest.mark.parametrize("policy_loss", ["ppo", "cispo"])
def test_the_loss_and_its_gradient_are_those_of_trl(spec, loss_type, policy_loss):
    torch.manual_seed(0)
    model, held = Fixed(torch.randn(8, 6)), Fixed(torch.randn(8, 6))
    own = spec(
        "grpo", group_size=2, loss_type=loss_type, policy_loss=policy_loss, beta=0.3, passes=2, clip_range_high=0.28,
        temperature=1.7, max_new_tokens=5,
    )  # fmt: skip
    made = [[3, 1, 2], [4, 5], [2], [1, 1, 4, 3]]
    drawn = [answer([5, 2], tokens) for tokens in made]
    rewards = np.array([1.0, 0.25, 3.0, 2.0])
    machine, objective = machine_of(model), GroupObjective(own, held)
    experience = objective.experience(drawn, rewards, machine, 4)
    moved = Fixed(model.table.detach() + 0.3 * torch.randn(8, 6))
    machine = machine_of(moved)
    loss = torch.stack(list(objective.losses(experience, machine, 4))).sum()
    loss.backward()

    def padded(one: Fixed) -> torch.Tensor:
        odds = torch.log_softmax(one.table / 1.7, dim=-1)[1:5].unsqueeze(0).expand(4, -1, -1)
        return odds.gather(2, tokens.unsqueeze(2)).squeeze(2)

    mask = torch.tensor([[float(at < len(row)) for at in range(4)] for row in made])
    tokens = torch.tensor([row + [0] * (4 - len(row)) for row in made])
    theirs = Fixed(moved.table.detach().clone())
    wanted = trl_loss(
        padded(theirs), padded(model).detach(), padded(held).detach(),
        torch.from_numpy(rewards).view(2, 2).float(), mask, loss_type=loss_type, beta=0.3, low=0.2, high=0.28,
        longest=5, cispo=policy_loss == "cispo",
    )  # fmt: skip
    wanted.backward()
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert torch.allclose(moved.table.grad, theirs.table.grad, atol=1e-6)


def rows_of(one: Fixed, made: list[list[int]]) -> torch.Tensor:
    """The logarithms of the odds of answers behind prompts of two tokens, summed: ``[B]``."""
    odds = torch.log_softmax(one.table, dim=-1)[1:]
    return torch.stack([odds[torch.arange(len(row)), torch.tensor(row)].sum() for row in made])


def test_the_gradient_of_the_mean_of_the_others_is_that_of_trls_rloo(spec):
    """``trl/trainer/rloo_trainer.py``, ``_compute_loss``: ratios of whole answers, a mean over answers."""
    torch.manual_seed(0)
    model, made, rewards = Fixed(torch.randn(8, 6)), [[3, 1, 2], [4, 5], [2], [1, 1, 4, 3]], [1.0, 0.25, 3.0, 2.0]
    own = spec(
        "grpo", group_size=2, baseline="others", scale_rewards="none", loss_type="dr_grpo", max_new_tokens=5
    )  # fmt: skip
    objective, machine = GroupObjective(own, None), machine_of(model)
    experience = objective.experience([answer([5, 2], each) for each in made], np.array(rewards), machine, 4)
    torch.stack(list(objective.losses(experience, machine, 4))).sum().backward()
    theirs = Fixed(model.table.detach().clone())
    sums = rows_of(theirs, made)
    better = torch.tensor([1.0 - 0.25, 0.25 - 1.0, 3.0 - 2.0, 2.0 - 3.0])
    ratio = torch.exp(sums - sums.detach())
    (-torch.min(ratio * better, ratio.clamp(0.8, 1.2) * better).mean()).backward()
    assert torch.allclose(5 * model.table.grad, theirs.table.grad, atol=1e-6)


@pytest.mark.parametrize("loss_type", ["sigmoid", "ipo"])
def test_the_loss_of_pairs_is_that_of_the_better_answer_against_the_other(spec, loss_type):
    """``trl/experimental/online_dpo/online_dpo_trainer.py``, ``training_step``; of equals nothing."""
    torch.manual_seed(0)
    model, held = Fixed(torch.randn(8, 6)), Fixed(torch.randn(8, 6))
    made = [[3, 1, 2], [4, 5], [2], [1], [1, 1, 4, 3], [2, 2], [4], [3, 3]]
    worth = np.array([1.0, 0.25, 7.0, 7.0, 0.0, 2.0, math.nan, 1.0])
    objective, machine = PairObjective(spec("online_dpo", beta=0.7, loss_type=loss_type), held), machine_of(model)
    experience = objective.experience([answer([5, 2], each) for each in made], worth, machine, 8)
    assert experience.counts.tolist() == [3, 2, 0, 0, 4, 2, 0, 0]
    whole, halves = (torch.stack(list(objective.losses(experience, machine, size))).sum() for size in (8, 2))
    whole.backward()
    theirs = Fixed(model.table.detach().clone())
    ratios = rows_of(theirs, made) - rows_of(held, made).detach()
    if loss_type == "ipo":
        ratios = ratios / torch.tensor([len(row) for row in made])
    margins = torch.stack([ratios[0] - ratios[1], ratios[5] - ratios[4]])
    if loss_type == "ipo":
        wanted = ((margins - 1 / 1.4) ** 2).mean()
    else:
        wanted = -torch.nn.functional.logsigmoid(0.7 * margins).mean()
    wanted.backward()
    assert whole.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert halves.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert torch.allclose(model.table.grad, theirs.table.grad, atol=1e-6)


def test_parts_of_a_step_add_up_to_the_whole(spec):
    torch.manual_seed(0)
    model = Fixed(torch.randn(8, 6))
    own = spec("grpo", group_size=2, loss_type="dapo")
    drawn = [answer([5, 2], tokens) for tokens in ([3, 1], [4], [2, 2, 2], [1])]
    objective = GroupObjective(own, None)
    machine = machine_of(model)
    experience = objective.experience(drawn, np.array([1.0, 0.0, 0.0, 2.0]), machine, 2)
    whole, halves = (sum(part.item() for part in objective.losses(experience, machine, size)) for size in (4, 2))
    assert halves == pytest.approx(whole)


def test_experience_is_read_as_it_was_written():
    experience = Experience.of([answer([5, 2], [3, 1]), answer([5], [4])], np.array([True, False]))
    experience.known["advantages"] = experience.by_row(np.array([0.5, 2.0]))
    again_ = Experience.read(experience.tensors())
    assert again_.rows.row(0) == experience.rows.row(0)
    assert again_.counts.tolist() == [2, 0]
    assert again_.known["advantages"].tolist() == [0.5, 0.5]


def test_no_advantage_is_no_loss_and_no_number_is_lost(spec):
    model = Fixed(torch.randn(8, 6))
    objective = GroupObjective(spec("grpo", group_size=2), None)
    experience = objective.experience([answer([5], [4])] * 2, np.array([math.nan, 1.0]), machine_of(model), 2)
    assert experience.counts.tolist() == [0, 1]
    assert [part.item() for part in objective.losses(experience, machine_of(model), 2)] == [0.0]


def test_a_spec_without_room_for_answers_is_none(spec):
    with pytest.raises(ValueError, match="max_length"):
        spec("grpo", max_length=64, max_new_tokens=64)
    assert json.loads(spec("grpo").model_dump_json())["rewards"]["plain"]["weight"] == 1.0
