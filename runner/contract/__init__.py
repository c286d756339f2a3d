"""What a builder sees of the world, and what the world sees of a builder.

A builder is one module or package, ``runner/builders/<family>/<kind>``, with five names:

``Spec``
    a :class:`ModelSpec`: the fields of ``model.spec`` for this kind.
``TASK``
    a :class:`Task`: what its models answer, and how that is judged.
``REQUIRES``
    the distributions it needs, checked before a run without importing them.
``train(spec, context) -> TrainResult``
    trains and writes the model into ``context.artifact``.
``Predictor``
    loads that folder, and nothing else, and answers.

Of a package, ``__init__`` has the first three, ``training`` has ``train`` and ``predictor`` has ``Predictor``, so that
checking a spec loads neither. A kind that can tell what a training will take has in its ``footprint`` a sixth:

``estimate(spec, context) -> Footprint``
    is asked by ``train --dry-run``, with a :class:`FootprintContext`.
"""

from __future__ import annotations

from runner.contract.builders import Builder, Checkpoint, Checkpoints, Predictor, TrainContext, TrainResult
from runner.contract.footprints import Footprint, FootprintContext
from runner.contract.layouts import AskedRow, AskedRows, DataReport, DataSection, LoadContext, LoadedData
from runner.contract.measures import Measure, Plot, Table
from runner.contract.models import ModelSpec, Needed
from runner.contract.processes import Processes
from runner.contract.sections import (
    Resume,
    Section,
    departs,
    invalid,
    names_file,
    names_pretrained,
    option,
    sections_within,
)
from runner.contract.tasks import EXTENSION, AskOptions, Task

__all__ = [
    "EXTENSION",
    "AskOptions",
    "AskedRow",
    "AskedRows",
    "Builder",
    "Checkpoint",
    "Checkpoints",
    "DataReport",
    "DataSection",
    "Footprint",
    "FootprintContext",
    "LoadContext",
    "LoadedData",
    "Measure",
    "ModelSpec",
    "Needed",
    "Plot",
    "Predictor",
    "Processes",
    "Resume",
    "Section",
    "Table",
    "Task",
    "TrainContext",
    "TrainResult",
    "departs",
    "invalid",
    "names_file",
    "names_pretrained",
    "option",
    "sections_within",
]
