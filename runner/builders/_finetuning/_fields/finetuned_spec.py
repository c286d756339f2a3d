"""The fields of every kind that trains a pretrained transformer on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from runner.builders._finetuning._fields.pretrained_fit import misfits
from runner.builders._finetuning._fields.stored_names import check_stored, names_stored
from runner.contract import ModelSpec, Needed, invalid, option
from runner.errors import Fault
from runner.training.evaluation_fields import Better, Evaluation, unknown_measure
from runner.training.finetuning_specs import Adapters, FinetuningSpec, Full, QLora
from runner.training.gradient_training import GradientTraining
from runner.training.optimizers import AdamW, Muon, OptimizerSpec
from runner.training.precision import TransformerPrecision
from runner.training.schedules import Linear, ScheduleSpec

#: What weights that can do much already are trained at.
GENTLE = 3e-5


def gentle(optimizer: Any) -> Any:
    """The optimizer, its learning rate that of pretrained weights where the document names none."""
    if "learning_rate" in optimizer.model_fields_set or isinstance(optimizer, Muon):
        return optimizer
    return optimizer.model_copy(update={"learning_rate": GENTLE})


class FinetunedSpec(TransformerPrecision, GradientTraining, ModelSpec):
    """A pretrained transformer that is trained on. A kind says ``measures``, and what its base has to be."""

    default_epochs: ClassVar = 3
    default_batch_size: ClassVar = 16
    takes_auto_batch_size: ClassVar = True
    #: What is measured on the held-out rows, and which way is better; the first is what the best is told by.
    measures: ClassVar[Mapping[str, Better]]
    references: ClassVar = {"base_model_name": Needed()}

    base_model_name: str = option(
        min_length=1,
        pretrained=True,
        description="The model that training begins with: a Hub name, a folder, or a stored model, TYPE/NAME.",
    )
    revision: str | None = option(
        None, min_length=1, description="The branch, tag or commit of a Hub name; null is its main branch."
    )
    finetuning_spec: FinetuningSpec = option(
        factory=lambda: Full(method="full"), description="Which of the weights are trained, and how."
    )
    optimizer: Annotated[OptimizerSpec, AfterValidator(gentle)] = option(
        factory=lambda: AdamW(optimizer_type="adamw", learning_rate=GENTLE, weight_decay=0.0),
        description="How the weights are trained; left out, by adamw at 0.00003 and without weight_decay. Where it is "
        "there and names no learning_rate, that is 0.00003 too (muon has its own), and weight_decay is as below.",
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
        1, ge=1, le=100_000, description="How many batches make a step; its loss is their mean, as if they were one."
    )
    gradient_checkpointing: bool = option(
        False,
        resume="free",
        description="Compute activations anew in the backward pass: less memory, a third more time.",
    )
    max_steps: int | None = option(
        None, ge=1, description="End after this many steps, within an epoch too; null goes over all epochs."
    )
    evaluation: Evaluation = option(
        factory=Evaluation, description="When the model is measured, and by which figure its best weights are told."
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

    def criterion(self) -> str:
        """The figure that the best weights are told by."""
        return self.evaluation.measure or next(iter(self.measures))

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
        return None

    def step_rows(self, batch_size: int) -> int:
        return batch_size * self.gradient_accumulation

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
        self.check_evaluation()
        return self

    def check_evaluation(self) -> None:
        """Raise pydantic's error for an ``evaluation`` that has no effect, or that asks for what is not measured."""
        section = self.evaluation
        if section.every is not None and self.max_steps is not None and section.every > self.max_steps:
            raise invalid(
                ("evaluation", "every"),
                "over_length",
                f"the training ends after {self.max_steps:,} steps, which max_steps says",
            )
        if section.measure is None:
            return
        if section.measure not in self.measures:
            raise invalid(("evaluation", "measure"), "choice", unknown_measure(section.measure, self.measures))
        if self.keep == "last" and self.early_stopping is None:
            raise invalid(
                ("evaluation", "measure"),
                "void",
                'has no effect: "keep": "last" stores the last weights, and nothing stops early',
            )
