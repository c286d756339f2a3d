"""The fields of kinds that learn answers from conversations, and may have a teacher."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import model_validator

from runner.builders.language._fields.chat_fields import LossOn
from runner.builders.language._fields.distillation_fields import DistillationFields
from runner.builders.language._fields.language_spec import ChatModelSpec, Packing, packing_option
from runner.builders.language._fields.loss_fields import Losses
from runner.builders.language._fields.teacher_fields import EndpointTeacher, ModelTeacher
from runner.contract import Needed, invalid, option


def losses_option() -> Any:
    """``losses``."""
    return option(
        None, description="What is learned of the data's tokens: a sum of losses; null is their likelihood alone."
    )


class AnsweringSpec(ChatModelSpec):
    """One that is trained on the answers of conversations."""

    #: Where the section that says who teaches lies in the spec: its pointer from there.
    taught_at: ClassVar[str] = "/distillation"
    references: ClassVar = {
        "base_model_name": Needed(task="generation"),
        "distillation/teacher/model_name": Needed(task="generation"),
        "teacher/model_name": Needed(task="generation"),
    }

    loss_on: LossOn = option(
        "assistant",
        description="Which turns are learned: assistant, last_assistant, all, or an object with a weight for each "
        'role: {"assistant": 1, "user": 0.1}. A weight of a message in the data goes before it.',
    )
    packing: Packing = packing_option("none")
    losses: Losses | None = losses_option()

    def taught(self) -> DistillationFields | None:
        """Who teaches, and how; None where nobody does."""
        return None

    def stored_models(self) -> dict[str, str]:
        found = super().stored_models()
        teacher = self._teacher()
        if isinstance(teacher, ModelTeacher) and (name := teacher.stored()) is not None:
            found[f"{self.taught_at}/teacher/model_name".removeprefix("/")] = name
        return found

    def needs_network(self) -> bool:
        return isinstance(self._teacher(), EndpointTeacher)

    def secrets(self) -> tuple[str, ...]:
        teacher = self._teacher()
        return (teacher.key_env,) if isinstance(teacher, EndpointTeacher) and teacher.key_env is not None else ()

    def undividable(self) -> tuple[str, str] | None:
        taught = self.taught()
        if taught is not None and taught.on_policy is not None:
            place = f"{self.taught_at}/on_policy".removeprefix("/")
            return place, "a divided model cannot answer for each process by itself: take sharding none"
        return super().undividable()

    def _teacher(self) -> Any:
        taught = self.taught()
        return None if taught is None else taught.teacher

    @model_validator(mode="after")
    def _taught_alike(self) -> Self:
        taught = self.taught()
        if taught is None:
            return self
        inside = tuple(self.taught_at.split("/")[1:])
        for name in [] if self.losses is None else self.losses.policy():
            raise invalid(
                ("losses", name), "void", "a teacher says what is better here, and advantages do: name one of the two"
            )
        answers = self.loss_on in ("assistant", "last_assistant")
        if not taught.by_logits() and not answers:
            raise invalid(("loss_on",), "void", "the teacher's answers are learned: leave this out")
        if taught.teacher_template != taught.student_template and not answers:
            raise invalid(
                ("loss_on",), "void", "teacher and student read other turns of a user, so that answers alone are alike"
            )
        if taught.on_policy is not None:
            if not answers:
                raise invalid(("loss_on",), "void", "the student answers itself (on_policy): answers alone are learned")
            if self.packing == "packed":
                raise invalid(("packing",), "void", "how long the student's answers are is not known before: take none")
        if taught.by_logits() and taught.alpha == 1 and self.losses is not None:
            raise invalid((*inside, "alpha"), "void", "the losses of the data count 1 - alpha, which is nothing")
        return self
