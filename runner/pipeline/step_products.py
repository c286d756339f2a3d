"""What each step of a pipeline makes, told before anything runs: rows in parts, a model, figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.contract import Section
from runner.errors import RunnerError
from runner.pipeline.loaded_pipeline import LoadedStep
from runner.pipeline.step_references import Made, Named, Reference
from runner.spec.checking import LoadedSpec
from runner.store.names import parse_reference
from runner.workspace import absolute, current_folder


def made_by(reference: Reference, before: Mapping[str, Named]) -> Made | None:
    other = before.get(reference.step)
    if other is None:
        return None
    if reference.part is not None:
        return other.makes.get(reference.part)
    return next((made for made in other.makes.values() if made.sort == reference.sort), None)


def stand_in(reference: Reference, before: Mapping[str, Named]) -> str:
    """What stands in the place of a reference while nothing is made yet."""
    made = made_by(reference, before)
    if made is not None and made.sort == "model" and made.model is not None:
        return made.model
    return f"{reference}.jsonl"


def model_of(spec: LoadedSpec, step: LoadedStep, before: Mapping[str, Named]) -> Made:
    name, kind = spec.spec.model.name, spec.kind
    if kind is None and spec.spec.model.start_state is not None:
        own = next((ref for ref in step.references if ref.within == ("model", "start_state")), None)
        made = made_by(own, before) if own else None
        kind = made.kind if made else parse_reference(spec.spec.model.start_state).model_type
    return Made("model", f"{kind}/{name}" if kind else name, kind)


def merged(body: Any, references: Sequence[Reference], before: Mapping[str, Named]) -> Made:
    own = next((ref for ref in references if ref.within == ("model",)), None)
    given = body.get("model") if isinstance(body, dict) else None
    made = made_by(own, before) if own else _stored(given)
    if made is None or made.model is None:
        return Made("model")
    plain = parse_reference(made.model).name
    name = body.get("name") or f"{plain}-merged"
    return Made("model", f"{made.kind}/{name}" if made.kind else str(name), made.kind)


def _stored(reference: object) -> Made | None:
    """The stored model of a name, if it is one."""
    try:
        kind = parse_reference(reference).model_type if isinstance(reference, str) else None
    except RunnerError:
        return None
    return Made("model", str(reference), kind) if isinstance(reference, str) else None


def rows_made(
    verb: str, section: Section | None, references: Sequence[Reference], before: Mapping[str, Named]
) -> Mapping[str, Made]:
    from runner.pipeline.steps import STEPS, WHOLE
    from runner.pipeline.steps.part_names import parts_of

    step = STEPS[verb]
    if not step.gives_rows:
        return {"figures": Made("figures")}
    if section is None:
        return {}
    given = getattr(section, "input", None)
    parts = list(parts_of(absolute(given, current_folder()))) if isinstance(given, str) else [WHOLE]
    own = next((ref for ref in references if ref.within == ("input",)), None)
    if own is not None:
        other = before.get(own.step)
        if other is None:
            return {}
        # One part of several is all that there is for this step.
        parts = [WHOLE] if own.part else [name for name, made in other.makes.items() if made.sort == "rows"]
    return {part: Made("rows") for part in parts_of_step(verb, section, parts)}


def parts_of_step(verb: str, options: Any, given: Sequence[str]) -> Sequence[str]:
    """The parts of a data step's output: those of its input, but for what divides them."""
    if verb != "split":
        return given
    from runner.pipeline.steps.part_names import in_order, own_name

    return in_order(own_name(name) for name in options.ratios)
