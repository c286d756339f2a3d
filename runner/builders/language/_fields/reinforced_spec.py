"""The fields of kinds that learn from what their own answers are worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from runner.builders.language._fields.environment_fields import EnvironmentFields
from runner.builders.language._fields.language_spec import ChatModelSpec
from runner.builders.language._fields.reward_fields import (
    OPPONENTS,
    ByRewardModel,
    CodeReward,
    EnvironmentReward,
    JudgeReward,
    PreferenceReward,
    Rewards,
)
from runner.builders.language._fields.user_code import UserCode
from runner.contract import Needed, invalid, option


def passes_option(default: int) -> Any:
    """``passes``, as a kind has it: how often one answer is learned from."""
    return option(
        default, ge=1, le=64, description="Steps that are learned from the same answers before others are drawn."
    )


class ReinforcedSpec(ChatModelSpec):
    """One that answers prompts, and learns from what the answers are worth."""

    takes_processes: ClassVar = False
    takes_auto_batch_size: ClassVar = False
    default_batch_size: ClassVar = 4
    measures: ClassVar = {"reward": "higher", "cut_answers": "lower"}

    rewards: Rewards = option(
        min_length=1,
        max_length=32,
        description="What an answer is worth: rewards by names of yours, whose weighted sum it is.",
        examples=[{"short": {"reward_type": "length", "target": 20}}],
    )
    max_new_tokens: int = option(
        128, ge=1, le=100_000, description="Tokens of an answer, at most. A prompt has to leave room for them."
    )
    temperature: Annotated[float, Field(gt=0, le=100)] = option(
        1.0, description="The temperature that answers are drawn at, and that their odds are taken at."
    )
    top_k: int | None = option(None, ge=1, description="Draw of the so many likeliest tokens only.")
    top_p: Annotated[float, Field(gt=0, le=1)] | None = option(
        None, description="Draw of the fewest tokens only that together have this probability."
    )
    environment: EnvironmentFields | None = option(
        None,
        description="What answers the model's turns: tools, a partner; null lets an answer be one turn.",
        examples=[{"tools": {"file": "tools.py", "functions": ["calculator"]}, "max_turns": 3}],
    )
    passes: int = passes_option(1)
    mask_cut: bool = option(
        False, description="Leave answers out of the loss that do not end within max_new_tokens; they are judged still."
    )

    @property
    def drawn(self) -> int:
        """How many answers are drawn to a prompt, which rewards may compare."""
        return 1

    def stored_models(self) -> dict[str, str]:
        found = super().stored_models()
        for name, reward in self.rewards.items():
            if isinstance(reward, ByRewardModel) and (stored := reward.stored()) is not None:
                found[f"rewards/{name}/model_name"] = stored
        return found

    def needed(self, field: str) -> Needed:
        return Needed(task="reward") if field.startswith("rewards/") else super().needed(field)

    def runs_code(self) -> str | None:
        named = (name for name, reward in self.rewards.items() if isinstance(reward, CodeReward))
        return next((f"rewards/{name}" for name in named), None)

    def epoch_rows(self, rows: int, step: int) -> int:
        # Learned from several times, the prompts of an epoch's last step are filled up.
        return rows if self.passes == 1 else -(-rows // step) * step * self.passes

    def longest_answer(self, prompt: int) -> int:
        """Tokens of all turns after a prompt of so many, at most."""
        return self.max_new_tokens if self.environment is None else self.max_length - prompt

    def check_files(self, cwd: Path) -> None:
        super().check_files(cwd)
        for place, section in self._user_code():
            section.check_code(place, cwd)

    def check_modules(self, cwd: Path) -> None:
        for place, section in self._user_code():
            section.check_modules(place, cwd)

    def _user_code(self) -> list[tuple[str, UserCode]]:
        """Code of a user's, each with the pointer of the section that names it."""
        within: list[tuple[str, Any]] = [(f"rewards/{name}", reward) for name, reward in self.rewards.items()]
        if self.environment is not None:
            within += [(f"environment/{name}", getattr(self.environment, name)) for name in ("tools", "partner")]
        return [(f"/model/spec/{place}", section) for place, section in within if isinstance(section, UserCode)]

    def needs_network(self) -> bool:
        return super().needs_network() or bool(self._judges())

    def secrets(self) -> tuple[str, ...]:
        keys = (judge.key_env for judge in self._judges() if judge.key_env is not None)
        return tuple(dict.fromkeys([*super().secrets(), *keys]))

    def _judges(self) -> list[JudgeReward]:
        return [reward for reward in self.rewards.values() if isinstance(reward, JudgeReward)]

    @model_validator(mode="after")
    def _somebody_to_compare_with(self) -> Self:
        for name, reward in self.rewards.items():
            if isinstance(reward, PreferenceReward | JudgeReward) and self.drawn == 1:
                told = f"{self.model_type} draws one answer to a prompt: there is none to compare it with (grpo)"
                raise invalid(("rewards", name, "reward_type"), "alone", told)
            others = self.drawn - 1
            if isinstance(reward, JudgeReward) and reward.opponents > max(others, OPPONENTS):
                told = f"has no effect above {others}: a group has {self.drawn} answers"
                raise invalid(("rewards", name, "opponents"), "void", told)
        return self

    @model_validator(mode="after")
    def _somebody_rewards(self) -> Self:
        partner = self.environment is not None and self.environment.partner is not None
        for name, reward in self.rewards.items():
            if isinstance(reward, EnvironmentReward) and not partner:
                raise invalid(("rewards", name, "reward_type"), "lacking", "there is no environment with a partner")
        return self

    @model_validator(mode="after")
    def _room_for_answers(self) -> Self:
        if self.max_new_tokens >= self.max_length:
            raise invalid(
                ("max_new_tokens",), "no_room", f"max_length ({self.max_length}) is of prompt and answer together"
            )
        return self
