"""``pipeline.json``: the steps from raw files to a trained, evaluated model, each a verb and what it is told.

What a step makes is named in a later one by ``{"$from": "STEP"}``, or ``{"$from": "STEP.PART"}`` where it makes several
things. It is an object, so that no path and no model's name can be mistaken for it.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal, cast

from pydantic import Field, StringConstraints, create_model

from runner.contract import Section, option
from runner.spec.json_schemas import Schema, of_document
from runner.store.references import Reference

REFERENCE = "$from"
#: A name that is a folder on every file system, a variable in a shell, and has no dot, which divides step and part.
STEP_NAME = r"^[A-Za-z0-9][A-Za-z0-9_\-]*$"
StepName = Annotated[
    str,
    StringConstraints(pattern=STEP_NAME, max_length=64),
    Field(json_schema_extra={"x-expected": "1 to 64 letters, digits, dashes and underscores"}),
]
PathText = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\u0000-\u001f]+$")]
_Made = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_\-]*(\.[A-Za-z0-9][A-Za-z0-9_\-]*)?$", max_length=129),
    Field(json_schema_extra={"x-expected": '"STEP", or "STEP.PART" of a step that makes several things'}),
]
Pointer = Annotated[
    str,
    StringConstraints(pattern=r"^/.+$", max_length=1024),
    Field(json_schema_extra={"x-expected": 'a JSON pointer into the spec, such as "/data/dataset"'}),
]


class From(Section):
    """What an earlier step made."""

    made: _Made = option(
        alias=REFERENCE, description='The step, or one of several things that it makes: "split.train".'
    )


class PipelineSection(Section):
    """What is told of the whole."""

    name: StepName = option(description="Its name: what `runner pipeline show` finds it by, and its folder.")
    description: str | None = option(None, max_length=1000, description="What it is for, on its page.")


Rows = PathText | From
Model = Reference | From


class Evaluate(Section):
    """``evaluate``: language models are asked the tasks of files."""

    models: Annotated[list[Model], Field(min_length=1)] = option(
        description="Language models, stored or trained in an earlier step; the later ones are compared with the first."
    )
    tasks: Annotated[list[PathText | dict[str, Any]], Field(min_length=1)] = option(
        description="Tasks: the paths of their files, or the documents themselves (evaluation-task.json), whose "
        "data.dataset may be a part of an earlier step."
    )
    limit: int | None = option(None, ge=1, description="Ask so many rows of each task, drawn by the seed.")
    seed: int = option(0, ge=0, le=2**32 - 1, description="Seed of the rows that limit draws, and of the bootstrap.")
    batch_size: int = option(16, ge=1, description="Rows that a model reads at a time, at most.")
    check_batches: int = option(0, ge=0, description="Answer so many samples of each task again, each alone.")
    device: Literal["cpu", "cuda"] = option("cpu", description="Where to compute.")


class Merge(Section):
    """``merge``: an adapter is put into its base, and the whole stored as a model."""

    model: Model = option(description="The adapter.")
    name: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = option(
        None, description="What the new model is called. Default: NAME-merged."
    )
    dtype: Literal["bfloat16", "float16", "float32"] | None = option(
        None, description="What its weights are kept in. Default: as its base's are."
    )


class Infer(Section):
    """``infer``: a model answers the rows of a file."""

    model: Model = option(description="The model that answers.")
    input: Rows = option(description="The rows: a file as `runner infer --input` takes it, or an earlier step's.")
    options: dict[str, Any] = option(factory=dict, description="Options of the model's task, as `--set` takes them.")
    batch_size: int = option(128, ge=1, description="Rows that are answered at once.")
    device: Literal["cpu", "cuda"] = option("cpu", description="Where to compute.")


class _Step(Section):
    """One step: its name, and one verb with what it is told."""

    name: StepName | None = option(None, description="What later steps call it. Default: its verb.")
    train: dict[str, Any] | PathText | None = option(
        None,
        description="A training spec, or the path of its file. A text in it may be what an earlier step made: rows in "
        "data, a model where one is named.",
    )
    changes: dict[Pointer, Any] | None = option(
        None,
        alias="with",
        description='Beside train: values in the place of the spec\'s, by JSON pointer, such as {"/epochs": 3}.',
    )
    evaluate: Evaluate | None = option(None, description="Ask language models some tasks.")
    merge: Merge | None = option(None, description="Put an adapter into its base.")
    infer: Infer | None = option(None, description="Answer the rows of a file.")


#: The verbs that are no data steps, by the fields of a step.
OWN_VERBS = ("train", "evaluate", "merge", "infer")


@cache
def verbs() -> tuple[str, ...]:
    """Every verb, in the order in which they are mostly used."""
    from runner.pipeline.steps import STEPS

    return (*STEPS, *OWN_VERBS)


@cache
def data_body(verb: str) -> type[Section]:
    """The class of what a data step is told: its input beside its options."""
    from runner.pipeline.steps import STEPS

    given = option(
        description="The rows: a file, a folder, a pattern, or what an earlier step made (of a split, all its parts)."
    )
    options: Any = STEPS[verb].options
    made: Any = create_model(verb.capitalize(), __base__=options, input=(Rows, given))
    made.__doc__ = STEPS[verb].summary
    return cast(type[Section], made)


@cache
def document_class() -> type[Section]:
    """The class of the documents: its steps have a field for each verb."""
    from runner.pipeline.steps import STEPS

    fields: dict[str, Any] = {
        name: (data_body(name) | None, option(None, description=step.summary)) for name, step in STEPS.items()
    }
    step: Any = create_model("Step", __base__=_Step, __doc__=_Step.__doc__, **fields)
    found: type[Section] = create_model(
        "PipelineDocument",
        __base__=Section,
        __doc__="Steps from raw files to a trained, evaluated model.",
        schema_uri=(
            str | None,
            option(None, alias="$schema", description="The JSON Schema that an editor completes this document with."),
        ),
        pipeline=(PipelineSection, option(description="What is told of the whole.")),
        steps=(
            Annotated[list[step], Field(min_length=1, max_length=1000)],
            option(description="The steps, in the order in which they are done."),
        ),
    )
    return found


@cache
def schema() -> Schema:
    """The published schema, ``schemas/pipeline.json``."""
    return of_document(document_class(), "pipeline", "Pipeline")
