"""``batch.json``: data sets by styles by experiments, each of them a pipeline."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import Field, create_model

from runner.contract import Section, option
from runner.pipeline.document import PathText, PipelineSection, Pointer, StepName
from runner.spec.json_schemas import Schema, of_document
from runner.store.references import Reference

#: The data steps that a pipeline of a batch has, in this order, those that the batch gives.
ORDER = ("process", "dedupe", "split", "style", "render")


class BatchSection(PipelineSection):
    """What is told of the whole."""

    parallel: int = option(1, ge=1, le=64, description="How many pipelines run side by side, at most.")


class DataSet(Section):
    """One data set."""

    name: StepName = option(description="What it is called in names and tables.")
    input: PathText = option(description="Its raw rows: a file, a folder or a pattern.")


class Experiment(Section):
    """One way to train."""

    name: StepName = option(description="What it is called in names and tables.")
    train: dict[str, Any] | PathText = option(
        description="A training spec, or the path of its file. Its data.dataset and model.name are put in."
    )
    changes: dict[Pointer, Any] | None = option(
        None, alias="with", description='Values in the place of the spec\'s, by JSON pointer, such as {"/epochs": 3}.'
    )


class BatchEvaluate(Section):
    """How every model is evaluated. A task may take ``{"$from": "split.test"}`` for its rows."""

    tasks: Annotated[list[PathText | dict[str, Any]], Field(min_length=1)] = option(
        description="Tasks: the paths of their files, or the documents themselves."
    )
    limit: int | None = option(None, ge=1, description="Ask so many rows of each task, drawn by the seed.")
    seed: int = option(0, ge=0, le=2**32 - 1, description="Seed of the rows that limit draws, and of the bootstrap.")
    batch_size: int = option(16, ge=1, description="Rows that a model reads at a time, at most.")
    beside: list[Reference] = option(factory=list, description="Stored models that are asked the same.")


@cache
def document_class() -> type[Section]:
    """The class of the documents: it has a field for each data step but ``style``, whose choices are ``styles``."""
    from runner.pipeline.steps import STEPS

    fields: dict[str, Any] = {
        name: (STEPS[name].options | None, option(None, description=f"{STEPS[name].summary} Left out: not done."))
        for name in ORDER
        if name in STEPS and name != "style"
    }
    if "style" in STEPS:
        of_style: dict[str, Any] = {
            "name": (StepName, option(description="What it is called in names and tables.")),
            "style": (str | None, option(None, min_length=1, description="The words; null: none.")),
        }
        for name, field in STEPS["style"].options.model_fields.items():
            of_style.setdefault(name, (field.annotation, field))
        said = "One style: its words, or none to train on the rows as they are."
        style: Any = create_model("Style", __base__=Section, __doc__=said, **of_style)
        fields["styles"] = (
            Annotated[list[style], Field(min_length=1)] | None,
            option(None, description="Styles, each of which every data set is given."),
        )
    found: type[Section] = create_model(
        "BatchDocument",
        __base__=Section,
        __doc__="Data sets by styles by experiments: each of them is a pipeline.",
        schema_uri=(
            str | None,
            option(None, alias="$schema", description="The JSON Schema that an editor completes this document with."),
        ),
        batch=(BatchSection, option(description="What is told of the whole.")),
        datasets=(Annotated[list[DataSet], Field(min_length=1)], option(description="The data sets.")),
        experiments=(Annotated[list[Experiment], Field(min_length=1)], option(description="The ways to train.")),
        evaluate=(BatchEvaluate | None, option(None, description="How every model is evaluated. Left out: it is not.")),
        **fields,
    )
    return found


@cache
def schema() -> Schema:
    """The published schema, ``schemas/batch.json``."""
    return of_document(document_class(), "batch", "Batch of pipelines")
