"""What may change between a run and its resumption: each field says so itself (``option(resume=...)``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from runner.contract import ModelSpec, Resume, Section
from runner.errors import ConflictError
from runner.spec import fault_messages, pointers
from runner.spec.envelope import TrainingSpec
from runner.spec.pointers import Path


@dataclass(frozen=True)
class Change:
    """One value that differs, and what its field says about that."""

    pointer: str
    old: Any
    new: Any
    policy: Resume
    #: Why a value may not change in this spec that may in others.
    why: str = ""

    def __str__(self) -> str:
        values = f"{self.pointer}: {fault_messages.as_json(self.old)} -> {fault_messages.as_json(self.new)}"
        return f"{values} ({self.why})" if self.why else values


def compare(old: TrainingSpec, new: TrainingSpec) -> list[Change]:
    """Every difference between two specs, in the document's order, except which schema an editor was told."""
    changes = [change for change in _differences(old, new, ()) if change.pointer != "/$schema"]
    own = new.model.spec
    why = own.fixed_length() if isinstance(own, ModelSpec) and own.uses_epochs else None
    return [
        replace(change, policy="refuse", why=why) if why and change.pointer == "/epochs" else change
        for change in changes
    ]


def refuse(changes: Iterable[Change]) -> None:
    """Raise ConflictError, naming each pointer and both values, if a change is one that a resumed run cannot have."""
    refused = [change for change in changes if change.policy == "refuse"]
    if refused:
        raise ConflictError(
            "a resumed run cannot change " + "; ".join(map(str, refused)),
            where=refused[0].pointer,
            hint="put the values of the run back, or train anew without --resume",
        )


def _differences(old: Section, new: Section, path: Path) -> list[Change]:
    changes = []
    for name, field in type(new).model_fields.items():
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        here = (*path, field.alias or name)
        if _alike(before, after):
            changes += _differences(before, after, here)
        else:
            extra = field.json_schema_extra
            policy = extra.get("x-resume", "refuse") if isinstance(extra, dict) else "refuse"
            changes.append(Change(pointers.join(here), _plain(before), _plain(after), policy))  # type: ignore[arg-type]
    return changes


def _alike(before: Any, after: Any) -> bool:
    """Whether two sections have the same fields, so that what differs is in them; another kind's spec has others."""
    sections = isinstance(before, Section) and isinstance(after, Section)
    return sections and type(before).model_fields.keys() == type(after).model_fields.keys()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
