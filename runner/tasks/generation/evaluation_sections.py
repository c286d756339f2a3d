"""A task file: what language models are asked, of which rows, how they answer, and how that is scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, StringConstraints, model_validator

from runner.contract import Section, departs, invalid, option
from runner.data.text_templates import TemplateFault, columns_of
from runner.errors import UsageError
from runner.tasks.generation.answer_metrics.metric_sections import AnswerMetric, Code, Preferred, Reward, label
from runner.tasks.generation.options import GenerationOptions

Name = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$", max_length=100),
    Field(json_schema_extra={"x-expected": "1 to 100 letters, digits, dashes, underscores and dots"}),
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]
Column = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1024),
    Field(json_schema_extra={"x-expected": "the name of a column"}),
]
Path = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Answered = TypeVar("Answered", bound=Section)
#: Only rows with these values in these columns.
Where = Annotated[dict[Column, str | int | float | bool], Field(min_length=1)]
WHERE = 'Only rows that have these values in these columns, such as {"split": "test"}.'


class TaskData(Section):
    """The rows of a task."""

    dataset: Path = option(
        description="A file of rows (.jsonl, .json, .csv, .tsv, .parquet, .arrow, with .gz or without), a folder or "
        "pattern of such, or a data set of the Hub, hub:OWNER/NAME. A relative path counts from the current directory."
    )
    where: Where | None = option(None, description=WHERE)
    encoding: Column | None = option(None, description="The encoding of text files. Default: UTF-8.")
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = option(
        None, description="What separates the cells of a CSV. Default: a comma; of a TSV a tab."
    )


class FewShot(Section):
    """Rows that are shown, each with its answer, before a row is asked."""

    k: int = option(ge=1, le=64, description="How many rows are shown. A row is never shown to itself.")
    seed: int = option(0, ge=0, le=2**32 - 1, description="Seed of the drawing, which is each asked row's own.")
    dataset: Path | None = option(None, description="Where they are from. Default: the task's own data.")
    where: Where | None = option(None, description=f"{WHERE} Default: as data has it, unless dataset is given.")
    separator: str = option("\n\n", max_length=1024, description="What stands between two rows in one text.")


class _Answer(Section):
    before: str = option(
        " ",
        max_length=1024,
        description="What stands between a prompt and its answer where both are one text: not in a chat.",
    )


class MultipleChoice(_Answer):
    """Every choice is an answer; the one that the model finds likeliest is its own."""

    by: Literal["multiple_choice"] = option(description="The likeliest of some choices is the model's answer.")
    choices: Annotated[list[Column], Field(min_length=1, max_length=100)] | None = option(
        None, description="Columns of choices, in this order; of a column that holds a list each item is one."
    )
    texts: Annotated[list[Text], Field(min_length=2, max_length=1000)] | None = option(
        None, description='The same choices for every row, such as ["yes", "no"]; in the place of choices.'
    )
    correct: Column = option(description="The column that says which choice is right.")
    correct_is: Literal["text", "index", "letter"] = option(
        "text", description="What it holds: the choice's text, its place counted from 0, or its letter (A, B, ...)."
    )
    metrics: Annotated[list[Literal["accuracy", "accuracy_norm"]], Field(min_length=1)] = option(
        factory=lambda: ["accuracy", "accuracy_norm"],
        description="accuracy takes the likeliest choice, accuracy_norm the one that is likeliest by the byte.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.choices is None) == (self.texts is None):
            raise invalid(("choices",), "choices", "either choices or texts is given, and not both")
        if self.texts is not None and len(set(self.texts)) < len(self.texts):
            raise invalid(("texts",), "texts", "a choice is there twice")
        return _once(self, self.metrics)


class LogLikelihood(_Answer):
    """How likely the model finds the answer that is given."""

    by: Literal["log_likelihood"] = option(description="How likely the model finds a given answer.")
    target: Text = option(description="The answer, with {COLUMN} for a cell of the row.")
    metrics: Annotated[
        list[Literal["greedy_match", "log_likelihood", "perplexity", "bits_per_byte"]], Field(min_length=1)
    ] = option(
        factory=lambda: ["greedy_match", "log_likelihood", "perplexity"],
        description="greedy_match: each token of the answer is the likeliest; log_likelihood: of an answer, in nats; "
        "perplexity: over all tokens of all answers; bits_per_byte: over all their bytes.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        return _once(self, self.metrics)


class Perplexity(Section):
    """How well the model foretells whole texts: the prompt is the text."""

    by: Literal["perplexity"] = option(description="How well the model foretells whole texts, each the prompt itself.")
    metrics: Annotated[list[Literal["token_perplexity", "byte_perplexity", "bits_per_byte"]], Field(min_length=1)] = (
        option(
            factory=lambda: ["token_perplexity", "byte_perplexity", "bits_per_byte"],
            description="Each over all tokens, or bytes, of the set together: long texts count more. By the byte, "
            "models of different tokenizers can be compared.",
        )
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        return _once(self, self.metrics)


class Generation(_Answer):
    """The model's answer is what it says, and is scored against a reference."""

    by: Literal["generation"] = option(description="The model's answer is what it says.")
    reference: Text = option(
        description="The right answer, with {COLUMN} for a cell of the row; of {COLUMN} alone that holds a list each "
        "item is a right answer."
    )
    options: GenerationOptions = option(
        factory=GenerationOptions, description="How the answer is drawn: the options of `runner infer --set`."
    )
    metrics: Annotated[list[AnswerMetric], Field(min_length=1, max_length=20)] = option(
        description="How answers are scored."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, why in {
            "n": "one answer is scored",
            "logprobs": "none is read",
            "system": "it is the task's own field",
        }.items():
            if departs(self.options, name):
                raise invalid(("options", name), "void", f"has no effect here: {why}")
        try:
            self.options.check()
        except UsageError as error:
            name = (error.where or "").split()[-1]
            raise invalid(("options", name), "void", error.message) from None
        return _once(self, [label(metric) for metric in self.metrics])


AnswerSection = Annotated[MultipleChoice | LogLikelihood | Perplexity | Generation, Field(discriminator="by")]


class EvaluationTask(Section):
    """What language models are asked, of which rows, how they answer, and how that is scored."""

    schema_uri: str | None = option(
        None, alias="$schema", description="The JSON Schema that an editor completes this document with."
    )
    name: Name = option(description="What the task is called.")
    description: str | None = option(None, max_length=10_000, description="A few words for people.")
    data: TaskData = option(description="The rows.")
    prompt: Text = option(
        description="What is asked, with {COLUMN} for a cell of the row; {{ and }} are braces of the text."
    )
    system: Text | None = option(None, description="A system's turn before everything: in a chat alone.")
    chat: Literal["auto", "on", "off"] = option(
        "auto",
        description="Whether the prompt is a user's turn in the model's chat template (on) or a text to go on from "
        "(off). auto is on for models that have a template.",
    )
    few_shot: FewShot | None = option(None, description="Rows that are shown with their answers. Absent: none.")
    answer: AnswerSection = option(description="How a row is answered, and how that is scored.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        templates: dict[tuple[str | int, ...], str] = {("prompt",): self.prompt}
        if isinstance(self.answer, LogLikelihood):
            templates["answer", "target"] = self.answer.target
        if isinstance(self.answer, Generation):
            templates["answer", "reference"] = self.answer.reference
            for at, metric in enumerate(self.answer.metrics):
                if isinstance(metric, Code):
                    templates["answer", "metrics", at, "tests"] = metric.tests
        for place, template in templates.items():
            try:
                columns_of(template)
            except TemplateFault as fault:
                raise invalid(place, "template", str(fault)) from None
        if not columns_of(self.prompt):
            braces = "one pair of braces" if "{{" in self.prompt else "braces"
            raise invalid(
                ("prompt",),
                "template",
                f"names no column, so that all rows ask the same: a cell goes where its column stands in {braces}",
            )
        if isinstance(self.answer, Perplexity):
            if self.few_shot is not None:
                raise invalid(("few_shot",), "void", "has no effect: a whole text is foretold, after nothing")
            if self.chat == "on" or self.system is not None:
                field = "chat" if self.chat == "on" else "system"
                raise invalid((field,), "void", "has no effect: a whole text is foretold, and no chat")
        if self.chat == "off" and self.system is not None:
            raise invalid(("system",), "void", 'has no effect with "chat": "off"')
        return self


def metric_names(task: EvaluationTask) -> list[str]:
    """The metrics of a task, as tables call them."""
    metrics: Sequence[AnswerMetric | str] = task.answer.metrics
    return [metric if isinstance(metric, str) else label(metric) for metric in metrics]


def judged_metrics(task: EvaluationTask) -> list[str]:
    """Those of them that another model judges."""
    metrics: Sequence[AnswerMetric | str] = task.answer.metrics
    return [label(metric) for metric in metrics if isinstance(metric, Reward | Preferred)]


def code_metrics(task: EvaluationTask) -> list[str]:
    """Those of them that run the code of answers."""
    metrics: Sequence[AnswerMetric | str] = task.answer.metrics
    return [label(metric) for metric in metrics if isinstance(metric, Code)]


def _once(section: Answered, names: Sequence[str]) -> Answered:
    """The section. Raises pydantic's error for a metric that is named twice."""
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise invalid(("metrics",), "twice", f"the metric {twice} is there twice")
    return section
