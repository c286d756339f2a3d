"""Questions on pictures answered, and pictures described: a model of pictures and language that is trained on.

The model is of the form of LLaVA: a vision tower reads a picture, a projector makes tokens of it, and a language model
goes on from them. The language side alone is trained unless a field says more. Rows are conversations with pictures by
the model's own chat template, the same in training and in use; of a row the assistant's turns are learned, and a
picture's tokens never are. A row that is longer than `max_length` with its pictures is left out and counted: none is
cut. On held-out rows the model also answers, and that is compared with all right answers: exact match, and ANLS.

Use it when the answer is a text that hangs on what a picture shows. For one of a few classes `image_classification` is
smaller and faster.

Source: Liu et al., "Visual Instruction Tuning" (2023); ANLS: Biten et al., "Scene Text Visual Question Answering"
(2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from runner.builders._finetuning._fields.finetuned_spec import FinetunedSpec
from runner.builders._finetuning._fields.pretrained_fit import document, too_long
from runner.builders.language._fields.chat_fields import Chat
from runner.contract import option
from runner.data.pictured_dialogues.section import PicturedDialoguesData
from runner.errors import Fault
from runner.tasks import generation
from runner.training.evaluation_fields import Better, Evaluation
from runner.training.finetuning_specs import FinetuningSpec, Lora

TASK = generation.PICTURED
REQUIRES = ("torch", "transformers", "peft", "accelerate", "pillow", "pyarrow", "safetensors", "numpy")

#: What is measured of what the model answers: it takes longer than the loss.
ANSWERED: Mapping[str, Better] = {"exact_match": "higher", "anls": "higher"}


class AnswerEvaluation(Evaluation):
    """When the model is measured, which figure decides, and how many held-out rows it answers."""

    limit: int | None = option(
        256,
        ge=1,
        description="Answer so many held-out rows, drawn by their content; null answers all. It is done after the "
        "training, and whenever it is measured where measure is one of what is answered.",
    )
    max_new_tokens: int = option(64, ge=1, le=1_000_000, description="Tokens of such an answer, at most.")


class Spec(FinetunedSpec):
    """A model of pictures and language."""

    data = PicturedDialoguesData
    default_batch_size: ClassVar = 4
    measures: ClassVar[Mapping[str, Better]] = {
        "loss": "lower", "perplexity": "lower", "token_accuracy": "higher", **ANSWERED
    }  # fmt: skip

    model_type: Literal["vision_language"] = option(
        description="Questions on pictures answered, and pictures described."
    )
    base_model_name: str = option(
        min_length=1,
        pretrained=True,
        description="The model that training begins with, of the form of LLaVA: a Hub name, a folder, or a stored "
        "model, TYPE/NAME.",
        examples=["llava-hf/llava-interleave-qwen-0.5b-hf"],
    )
    max_length: int = option(
        2048, ge=8, le=10_000_000, description="Tokens of a row, those of its pictures too; a longer row is left out."
    )
    finetuning_spec: FinetuningSpec = option(
        factory=lambda: Lora(method="lora"),
        description="Which of the language side's weights are trained, and how. The vision tower and the projector "
        "stay as they are, unless train_vision_tower or train_projector says otherwise.",
    )
    train_projector: bool = option(
        False, description="Whether what makes tokens of a picture's features is trained too, all of its weights."
    )
    train_vision_tower: bool = option(
        False, description="Whether what reads a picture is trained too, all of its weights."
    )
    chat: Chat = option(factory=Chat, description="How a conversation becomes tokens.")
    evaluation: AnswerEvaluation = option(
        factory=AnswerEvaluation,
        description="When the model is measured, by which figure its best weights are told, and how much it answers.",
    )

    def check_files(self, cwd: Path) -> None:
        super().check_files(cwd)
        self.chat.check_template(cwd)

    def misfits(self, models: Mapping[str, Path]) -> list[Fault]:
        found = super().misfits(models)
        base = models.get("start_state") or models.get("base_model_name")
        text = {} if base is None else document(base / "config.json").get("text_config")
        if isinstance(text, dict) and (fault := too_long(text, self.max_length)) is not None:
            found.append(fault)
        return found
