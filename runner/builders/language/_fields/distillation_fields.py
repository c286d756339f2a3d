"""What a student learns of a teacher, as a spec says it: the fields of ``distillation``, the kind and the section."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from runner.builders.language._fields.teacher_fields import (
    INPUT,
    AnswersTeacher,
    ModelTeacher,
    OddsTeacher,
    Teacher,
    Template,
)
from runner.contract import Section, departs, invalid, option


class OnPolicy(Section):
    """Answers that the student samples while it learns, of which the teacher tells every token's odds."""

    share: Annotated[float, Field(gt=0, le=1)] = option(
        0.5, description="The share of the rows of a step whose last answer the student makes itself."
    )
    max_new_tokens: int = option(64, ge=1, le=100_000, description="Tokens of such an answer, at most.")
    temperature: Annotated[float, Field(gt=0, le=100)] = option(1.0, description="The temperature that it samples at.")


class DistillationFields(Section):
    """Teacher and student. The loss of a token is ``alpha * temperature^2 * D + (1 - alpha) * C``."""

    #: Fields that say how logits are learned, and nothing of text.
    of_logits: ClassVar[tuple[str, ...]] = ("temperature", "alpha", "divergence", "beta", "on_policy")

    teacher: Teacher = option(description="Who teaches.")
    temperature: Annotated[float, Field(gt=0, le=1000)] = option(
        3.0, description="What the logits of both are divided by before they are compared."
    )
    alpha: Annotated[float, Field(gt=0, le=1)] = option(
        0.7,
        description="What the divergence from the teacher counts, times temperature^2; the loss on the data's own "
        "tokens counts 1 - alpha.",
    )
    divergence: Literal["forward_kl", "reverse_kl", "jsd"] = option(
        "forward_kl",
        description="forward_kl is KL(teacher || student), reverse_kl is KL(student || teacher), jsd is between both.",
    )
    beta: Annotated[float, Field(gt=0, lt=1)] | None = option(
        None, description="jsd: the teacher's share of the mixture that both are compared with; null is 0.5."
    )
    on_policy: OnPolicy | None = option(
        None, description="Learn from what the student says itself as well (GKD); null learns from the data alone."
    )
    teacher_template: Template = option(
        INPUT, description="What the teacher reads in a user's turn: {input} is what the user says."
    )
    student_template: Template = option(
        INPUT, description="What the student reads in a user's turn: ask the trained model so."
    )

    def by_logits(self) -> bool:
        """Whether the teacher's odds are learned, and not its text."""
        if isinstance(self.teacher, OddsTeacher):
            return True
        return isinstance(self.teacher, ModelTeacher) and self.teacher.outputs == "logits"

    def by_likeliest(self) -> bool:
        """Whether odds of the likeliest tokens alone are learned, which are computed before."""
        return isinstance(self.teacher, OddsTeacher) or (
            isinstance(self.teacher, ModelTeacher) and self.teacher.top_k is not None
        )

    @model_validator(mode="after")
    def _of_one_sort(self) -> Self:
        if not self.by_logits():
            for name in self.of_logits:
                # A run's own document has every field, with its default.
                if departs(self, name):
                    raise invalid((name,), "void", "the teacher's text is learned, and no logits: leave this out")
        elif self.beta is not None and self.divergence != "jsd":
            raise invalid(("beta",), "void", f"{self.divergence} has none: leave it out, or take jsd")
        if self.by_logits() and self.by_likeliest():
            if self.divergence != "forward_kl":
                raise invalid(("divergence",), "void", "of the likeliest tokens alone forward_kl can be told")
            if self.on_policy is not None:
                raise invalid(("on_policy",), "void", "odds that are computed before are those of the data alone")
        if isinstance(self.teacher, AnswersTeacher | OddsTeacher) and self.teacher_template != INPUT:
            raise invalid(("teacher_template",), "void", "what a file has was asked for before: leave this out")
        return self
