"""The fields of every kind that trains a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from runner.builders._finetuning._fields.finetuned_spec import FinetunedSpec
from runner.builders.language._fields.asked_evaluation import AskedEvaluation, check_evaluation, task_faults
from runner.builders.language._fields.base_fit import misfits
from runner.builders.language._fields.chat_fields import Chat
from runner.contract import Needed, option
from runner.errors import Fault
from runner.training.evaluation_fields import Better

#: What is measured of preferences.
PREFERENCE_MEASURES: Mapping[str, Better] = {"loss": "lower", "reward_accuracy": "higher", "reward_margin": "higher"}


class LanguageModelSpec(FinetunedSpec):
    """A causal language model that is trained on."""

    default_epochs: ClassVar = 1
    takes_processes: ClassVar = True
    default_batch_size: ClassVar = 2
    #: What is measured on the held-out rows, and which way is better; the first is what the best is told by.
    measures: ClassVar[Mapping[str, Better]] = {"loss": "lower", "perplexity": "lower", "token_accuracy": "higher"}
    #: Whether its models answer, so that they can be asked tasks.
    speaks: ClassVar = True
    references: ClassVar = {"base_model_name": Needed(task="generation")}

    base_model_name: str = option(
        min_length=1,
        pretrained=True,
        description="The model that training begins with: a Hub name, a folder, or a stored model, TYPE/NAME.",
        examples=["HuggingFaceTB/SmolLM2-135M-Instruct"],
    )
    max_length: int = option(1024, ge=8, le=10_000_000, description="Tokens of a row that are read; the rest is cut.")
    gradient_accumulation: int = option(
        1,
        ge=1,
        le=100_000,
        description="How many batches make a step; the loss is their mean by token, as if they were one.",
    )
    evaluation: AskedEvaluation = option(
        factory=AskedEvaluation,
        description="When the model is measured, by which figure its best weights are told, and which tasks it is "
        "asked.",
    )
    neftune_noise_alpha: Annotated[float, Field(gt=0)] | None = option(
        None, description="Scale of the noise on embeddings in training (NEFTune); null adds none."
    )

    def misfits(self, models: Mapping[str, Path]) -> list[Fault]:
        base = models.get("start_state") or models.get("base_model_name")
        return [] if base is None else list(misfits(self, base, stored="start_state" in models))

    def undividable(self) -> tuple[str, str] | None:
        if self.evaluation.tasks is not None:
            asked = "evaluation/tasks", "a divided model cannot answer for each process by itself: take sharding none"
            return super().undividable() or asked
        return super().undividable()

    def evaluation_files(self) -> Sequence[str]:
        return self.evaluation.tasks or ()

    def evaluation_faults(self, tasks: Sequence[Any]) -> list[Fault]:
        return task_faults(self, tasks)

    def epoch_rows(self, rows: int, step: int) -> int:
        """How many rows an epoch goes through in steps of ``step``, those that it takes again included."""
        return rows

    def check_evaluation(self) -> None:
        check_evaluation(self)


class ChatModelSpec(LanguageModelSpec):
    """One that is trained on conversations."""

    chat: Chat = option(factory=Chat, description="How a conversation becomes tokens.")

    def check_files(self, cwd: Path) -> None:
        super().check_files(cwd)
        self.chat.check_template(cwd)


Packing = Literal["none", "packed"]


def packing_option(default: Packing) -> Any:
    """``packing``, of kinds that have it."""
    return option(
        default,
        description="packed puts several short rows into one of max_length tokens, none of which sees another; none "
        "pads them.",
    )
