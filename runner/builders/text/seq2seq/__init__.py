"""A text turned into another: a summary, a translation, a sentence out of facts.

An encoder reads the source, and a decoder writes the target token by token, as T5, BART and the models after them do.
The loss is the mean negative log-likelihood of a target's token (nats). On held-out rows the model also writes, by the
same search as in use, and what it wrote is compared with all targets of the source: ROUGE, BLEU, chrF. A target that
had to be cut does not teach to end where it was cut.

Use it when every source has a target that is made of it, and a small model is to do that one thing well. A model that
is to follow instructions is trained by `sft`.

Source: Sutskever et al., "Sequence to sequence learning with neural networks" (2014); Raffel et al., "Exploring the
limits of transfer learning with a unified text-to-text transformer" (2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import StringConstraints, model_validator

from runner.builders._finetuning._fields.finetuned_spec import FinetunedSpec
from runner.builders._finetuning._fields.pretrained_fit import document, too_long
from runner.contract import Section, invalid, option
from runner.data.source_targets.section import SourceTargetsData
from runner.errors import Fault
from runner.tasks import generation
from runner.training.evaluation_fields import Better, Evaluation

TASK = generation.TARGETED
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy", "sacrebleu", "rouge-score")

#: What is measured of what the model writes: it takes longer than the loss.
WRITTEN: Mapping[str, Better] = {
    "rouge1": "higher", "rouge2": "higher", "rougeL": "higher", "bleu": "higher", "chrf": "higher",
    "exact_match": "higher",
}  # fmt: skip
Language = Annotated[str, StringConstraints(min_length=1, max_length=32)]


class TargetEvaluation(Evaluation):
    """When the model is measured, which figure decides, and how many held-out rows it writes the targets of."""

    limit: int | None = option(
        256,
        ge=1,
        description="Write the targets of so many held-out sources, drawn by their content; null writes all. It is "
        "done after the training, and whenever it is measured where measure is one of what is written.",
    )


class Writing(Section):
    """How targets are written, in evaluation and in use: stored as the model's generation_config."""

    num_beams: int = option(1, ge=1, le=64, description="Beams of a search for the likeliest target; 1 has none.")
    max_new_tokens: int | None = option(
        None, ge=1, le=1_000_000, description="Tokens of a written target, at most; null takes max_target_length."
    )
    min_new_tokens: int = option(0, ge=0, le=1_000_000, description="Tokens of a written target, at least.")
    length_penalty: float = option(
        1.0, ge=-100, le=100, description="Above 0 beams are the longer the greater this is: scores are by length "
        "to this power."
    )  # fmt: skip
    no_repeat_ngram_size: int = option(
        0, ge=0, le=100, description="No so many tokens in a row are written twice; 0 allows it."
    )
    repetition_penalty: float = option(
        1.0, gt=0, le=100, description="Tokens that were written before lose: their logits are divided by it."
    )

    @model_validator(mode="after")
    def _of_a_piece(self) -> Self:
        if self.num_beams == 1 and self.length_penalty != 1:
            raise invalid(("length_penalty",), "void", "has no effect without beams: num_beams is 1")
        if self.max_new_tokens is not None and self.min_new_tokens > self.max_new_tokens:
            raise invalid(("min_new_tokens",), "over_length", "is more than max_new_tokens")
        return self


class Spec(FinetunedSpec):
    """A text turned into another."""

    data = SourceTargetsData
    measures: ClassVar[Mapping[str, Better]] = {
        "loss": "lower", "perplexity": "lower", "token_accuracy": "higher", **WRITTEN
    }  # fmt: skip

    model_type: Literal["seq2seq"] = option(description="A text turned into another: summaries, translations.")
    source_prefix: str = option(
        "",
        max_length=4096,
        description='Put before every source, in training and in use, such as "summarize: ".',
        examples=["summarize: "],
    )
    max_length: int = option(512, ge=4, le=1_000_000, description="Tokens of a source that are read; the rest is cut.")
    max_target_length: int = option(
        128, ge=2, le=1_000_000, description="Tokens of a target that are learned; the rest is cut."
    )
    learned_targets: Literal["all", "first"] = option(
        "all",
        description="Of a source with several targets, whether all are learned, or the first; what is written is "
        "compared with all.",
    )
    source_language: Language | None = option(
        None,
        description="The language of sources, as the tokenizer of a multilingual model names it; other models have "
        "none.",
        examples=["en_XX", "eng_Latn"],
    )
    target_language: Language | None = option(
        None, description="The language of targets: the token that every written target begins with.",
        examples=["de_DE", "deu_Latn"],
    )  # fmt: skip
    label_smoothing: float = option(
        0.0, ge=0, lt=1, description="Share of every token's odds that is spread over the vocabulary in training."
    )
    writing: Writing = option(
        factory=Writing, description="How targets are written, in evaluation and in use; stored with the model."
    )
    evaluation: TargetEvaluation = option(
        factory=TargetEvaluation,
        description="When the model is measured, by which figure its best weights are told, and how much it writes.",
    )

    def longest_written(self) -> int:
        """Tokens of a written target, at most."""
        return self.writing.max_new_tokens or self.max_target_length

    def misfits(self, models: Mapping[str, Path]) -> list[Fault]:
        found = super().misfits(models)
        base = models.get("start_state") or models.get("base_model_name")
        if base is not None:
            config = document(base / "config.json")
            for pointer, length in (
                ("/model/spec/max_target_length", self.max_target_length),
                ("/model/spec/writing/max_new_tokens", self.writing.max_new_tokens or 0),
            ):
                if (fault := too_long(config, length)) is not None:
                    found.append(Fault(fault.message, pointer, hint=fault.hint))
        return found

    @model_validator(mode="after")
    def _written_lengths(self) -> Self:
        if self.writing.min_new_tokens > self.longest_written():
            raise invalid(("writing", "min_new_tokens"), "over_length", "is more than max_target_length")
        return self
