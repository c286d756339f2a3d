"""The fields of every kind that trains a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from runner.builders.language._fields.asked_evaluation import AskedEvaluation, check_evaluation, task_faults
from runner.builders.language._fields.base_fit import misfits
from runner.builders.language._fields.chat_fields import Chat
from runner.builders.language._fields.stored_names import check_stored, names_stored
from runner.contract import ModelSpec, Needed, invalid, option
from runner.errors import Fault
from runner.training.evaluation_fields import Better
from runner.training.finetuning_specs import Adapters, FinetuningSpec, Full, QLora
from runner.training.gradient_training import GradientTraining
from runner.training.optimizers import AdamW, Muon, OptimizerSpec
from runner.training.precision import TransformerPrecision
from runner.training.schedules import Linear, ScheduleSpec

#: What weights that can do much already are trained at.
GENTLE = 3e-5

#: What is measured of preferences.
PREFERENCE_MEASURES: Mapping[str, Better] = {"loss": "lower", "reward_accuracy": "higher", "reward_margin": "higher"}


def _gentle(optimizer: Any) -> Any:
    """The optimizer, its learning rate that of language models where the document names none."""
    if "learning_rate" in optimizer.model_fields_set or isinstance(optimizer, Muon):
        return optimizer
    return optimizer.model_copy(update={"learning_rate": GENTLE})


class LanguageModelSpec(TransformerPrecision, GradientTraining, ModelSpec):
    """A causal language model that is trained on."""

    default_epochs: ClassVar = 1
    takes_processes: ClassVar = True
    takes_auto_batch_size: ClassVar = True
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
    revision: str | None = option(
        None, min_length=1, description="The branch, tag or commit of a Hub name; null is its main branch."
    )
    finetuning_spec: FinetuningSpec = option(
        factory=lambda: Full(method="full"), description="Which of the weights are trained, and how."
    )
    max_length: int = option(1024, ge=8, le=10_000_000, description="Tokens of a row that are read; the rest is cut.")
    optimizer: Annotated[OptimizerSpec, AfterValidator(_gentle)] = option(
        factory=lambda: AdamW(optimizer_type="adamw", learning_rate=GENTLE, weight_decay=0.0),
        description="How the weights are trained. Where it names no learning_rate, that is 0.00003; muon has its own.",
    )
    schedule: ScheduleSpec | None = option(
        factory=lambda: Linear(schedule_type="linear", warmup_ratio=0.1),
        description="How the learning rates move over the steps of the training, all alike; null leaves them to the "
        "optimizer.",
    )
    max_grad_norm: Annotated[float, Field(gt=0)] | None = option(
        1.0, description="The gradient's norm is cut to this before every step; null cuts nothing."
    )
    gradient_accumulation: int = option(
        1,
        ge=1,
        le=100_000,
        description="How many batches make a step; the loss is their mean by token, as if they were one.",
    )
    gradient_checkpointing: bool = option(
        False,
        resume="free",
        description="Compute activations anew in the backward pass: less memory, a third more time.",
    )
    max_steps: int | None = option(
        None, ge=1, description="End after this many steps, within an epoch too; null goes over all epochs."
    )
    evaluation: AskedEvaluation = option(
        factory=AskedEvaluation,
        description="When the model is measured, by which figure its best weights are told, and which tasks it is "
        "asked.",
    )
    neftune_noise_alpha: Annotated[float, Field(gt=0)] | None = option(
        None, description="Scale of the noise on embeddings in training (NEFTune); null adds none."
    )
    keep: Literal["best", "last"] = option(
        "best",
        description="Which weights are stored: those of the best measurement, by evaluation.measure, or the last.",
    )
    save_as: Literal["whole", "adapter"] = option(
        "whole",
        description="What is stored of a model with adapters: whole puts them into the weights, so that the model "
        "stands alone; adapter stores them alone, and names the base and its checksums.",
    )
    seed: int = option(42, ge=0, le=2**32 - 1, description="Seed of the training.")

    def stored_base(self) -> bool:
        """Whether the base model is a stored one: its name begins with a kind."""
        return names_stored(self.base_model_name)

    def stored_models(self) -> dict[str, str]:
        return {"base_model_name": self.base_model_name} if self.stored_base() else {}

    def stays_here(self) -> tuple[str, str] | None:
        own = self.stored_base() or self.base_model_name.startswith(("/", ".", "~", "runner/"))
        if self.save_as == "adapter" and own:
            return "save_as", "an adapter is of no use without its base, which is not on the Hub: whole stands alone"
        return None

    def opened_beside(self) -> str | None:
        return "base_model_name" if self.save_as == "adapter" else None

    def misfits(self, models: Mapping[str, Path]) -> list[Fault]:
        base = models.get("start_state") or models.get("base_model_name")
        return [] if base is None else list(misfits(self, base))

    def undividable(self) -> tuple[str, str] | None:
        if isinstance(self.finetuning_spec, QLora):
            return "finetuning_spec", "4-bit weights cannot be divided: take lora, or sharding none"
        if isinstance(self.optimizer, Muon):
            return "optimizer", "muon needs every matrix whole: take adamw, or sharding none"
        if self.precision == "float16":
            return "precision", "the scale of float16's losses is not agreed on: take bfloat16, or sharding none"
        if self.evaluation.tasks is not None:
            return "evaluation/tasks", "a divided model cannot answer for each process by itself: take sharding none"
        return None

    def evaluation_files(self) -> Sequence[str]:
        return self.evaluation.tasks or ()

    def evaluation_faults(self, tasks: Sequence[Any]) -> list[Fault]:
        return task_faults(self, tasks)

    def step_rows(self, batch_size: int) -> int:
        return batch_size * self.gradient_accumulation

    def epoch_rows(self, rows: int, step: int) -> int:
        """How many rows an epoch goes through in steps of ``step``, those that it takes again included."""
        return rows

    def fixed_length(self) -> str | None:
        return super().fixed_length() if self.max_steps is None else None

    @model_validator(mode="after")
    def _of_a_piece(self) -> Self:
        if self.stored_base():
            check_stored("base_model_name", self.base_model_name, self.revision)
        if self.save_as == "adapter" and not isinstance(self.finetuning_spec, Adapters):
            raise invalid(
                ("save_as",), "void", f"the method {self.finetuning_spec.method} has no adapter: leave this out"
            )
        check_evaluation(self)
        return self


class ChatModelSpec(LanguageModelSpec):
    """One that is trained on conversations."""

    chat: Chat = option(factory=Chat, description="How a conversation becomes tokens.")


Packing = Literal["none", "packed"]


def packing_option(default: Packing) -> Any:
    """``packing``, of kinds that have it."""
    return option(
        default,
        description="packed puts several short rows into one of max_length tokens, none of which sees another; none "
        "pads them.",
    )
