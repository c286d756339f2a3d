"""What one step names of another: found in a document, and checked against what every step makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from runner import near_names
from runner.pipeline.document import REFERENCE as REFERENCE
from runner.spec.findings import Finding, find, written
from runner.spec.pointers import Path
from runner.spec.reader import Document

#: What a step can make: rows of a file, a stored model, figures to read.
Sort = Literal["rows", "model", "figures"]
WORDS: Mapping[Sort, str] = {"rows": "rows", "model": "a model", "figures": "figures"}


@dataclass(frozen=True)
class Made:
    """One thing that a step makes, as far as it is known before it is made."""

    sort: Sort
    #: Of a model, ``type/name``, or the name alone where its kind is a stored model's.
    model: str | None = None
    #: The kind, where it is known.
    kind: str | None = None


@dataclass(frozen=True)
class Reference:
    """``{"$from": "step.part"}`` at a place of the document."""

    step: str
    part: str | None
    #: In the document.
    place: Path
    #: In what the step is told: a spec's own pointer, where that is given by ``with``.
    within: Path
    sort: Sort
    #: Whether several parts may come at once.
    several: bool = False

    def __str__(self) -> str:
        return f"{self.step}.{self.part}" if self.part else self.step


@dataclass(frozen=True)
class Named:
    """A step as references see it: its name, what it names, what it makes."""

    name: str
    place: Path
    references: Sequence[Reference]
    makes: Mapping[str, Made] = field(default_factory=dict)


#: What a split makes.
PARTS = ("train", "validation", "test")


def is_reference(value: Any) -> bool:
    """Whether a value stands for what a step made."""
    return isinstance(value, dict) and REFERENCE in value


def found_in(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every reference in a value, with its place."""
    if is_reference(value):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from found_in(each, (*path, key))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from found_in(each, (*path, at))


def filled(value: Any, give: Callable[[Path, str], Any], path: Path = ()) -> Any:
    """The value with what ``give`` says, of a place and of ``STEP`` or ``STEP.PART``, in the place of references."""
    if is_reference(value):
        return give(path, str(value[REFERENCE]))
    if isinstance(value, dict):
        return {key: filled(each, give, (*path, key)) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, give, (*path, at)) for at, each in enumerate(value)]
    return value


def faults_of(document: Document, step: Named, before: Mapping[str, Named], every: Sequence[Named]) -> list[Finding]:
    """What is wrong with a step's references. ``before`` are the steps ahead of it, with what they make."""
    return [fault for reference in step.references for fault in _fault(document, step, reference, before, every)]


def _fault(
    document: Document, step: Named, reference: Reference, before: Mapping[str, Named], every: Sequence[Named]
) -> Iterator[Finding]:
    at = (*reference.place, REFERENCE)

    def fault(message: str, hint: str, expected: str | None = None) -> Finding:
        return find(document, at, "reference", message, expected=expected, found=written(document, at), hint=hint)

    other = before.get(reference.step)
    if other is None:
        names = [each.name for each in every]
        if reference.step == step.name:
            yield fault("a step cannot use what it makes itself", "name an earlier step")
        elif reference.step not in names:
            there = list(before) or ["none: this is the first step"]
            hint = near_names.hint(reference.step, names, f"the steps before it: {', '.join(there)}")
            yield fault(f"there is no step {reference.step!r}", hint)
        elif cycle := _cycle(step.name, reference.step, every):
            yield fault(f"the steps wait for one another: {' -> '.join(cycle)}", "take one of the references out")
        else:
            yield fault(
                f"the step {reference.step!r} comes later", f"move it before {step.name!r}: steps are done in order"
            )
        return
    if not other.makes:
        return  # what is wrong with that step is told there
    if reference.part is not None and reference.part not in other.makes:
        parts = [f"{other.name}.{part}" for part in other.makes]
        hint = f"it makes {', '.join(parts)}"
        # A part that other steps make is no slip of the pen: train is not what a test was meant to be.
        if reference.part not in PARTS:
            hint = near_names.hint(str(reference), parts, hint)
        yield fault(f"{other.name!r} makes no {reference.part!r}", hint)
        return
    chosen = [other.makes[reference.part]] if reference.part else list(other.makes.values())
    fitting = [made for made in chosen if made.sort == reference.sort]
    if not fitting:
        sorts = " and ".join(dict.fromkeys(WORDS[made.sort] for made in chosen))
        hint = _makers(reference.sort, before)
        yield fault(f"{other.name!r} makes {sorts}, and {WORDS[reference.sort]} are needed here".replace(
            "a model are", "a model is"), hint)  # fmt: skip
    elif len(fitting) > 1 and not reference.several:
        parts = [f"{other.name}.{part}" for part, made in other.makes.items() if made.sort == reference.sort]
        yield fault(f"{other.name!r} makes {len(parts)} files", "name one of them", expected=" or ".join(parts))


def _makers(sort: Sort, before: Mapping[str, Named]) -> str:
    makers = [name for name, each in before.items() if any(made.sort == sort for made in each.makes.values())]
    return (
        f"{WORDS[sort]} {'come' if sort == 'rows' else 'comes'} from: {', '.join(makers)}"
        if makers
        else f"no step before it makes {WORDS[sort]}"
    )


def _cycle(first: str, second: str, every: Sequence[Named]) -> list[str]:
    """Names of steps of which each waits for the next, from ``first`` by ``second`` round to it; empty if none."""
    needs = {each.name: [reference.step for reference in each.references] for each in every}
    ahead, seen = [[first, second]], {second}
    while ahead:
        path = ahead.pop(0)
        for name in needs.get(path[-1], ()):
            if name == first:
                return [*path, first]
            if name not in seen:
                seen.add(name)
                ahead.append([*path, name])
    return []
