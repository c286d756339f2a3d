"""Options of a task, of a command line or a request: checked, with the nearest name for one that there is not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from runner import near_names
from runner.contract import AskOptions, Task
from runner.errors import UsageError


def read_options(task: Task, given: Mapping[str, Any], flags: Mapping[str, str] | None = None) -> AskOptions:
    """The task's options from flags and ``--set key=value``. ``flags`` names each option's flag, for messages.

    Raises :class:`UsageError` for one that the task does not have, with the nearest that it has, and for a value that
    does not fit.
    """
    known = list(task.options.model_fields)
    flags = flags or {}
    for name in given:
        if name not in known:
            raise UsageError(
                f"a model of {task.name} has no option {name!r}",
                where=flags.get(name, "--set"),
                hint=near_names.hint(name, known, f"it has: {', '.join(known) or 'none'}"),
            )
    options = _validated(task, given, flags)
    options.check()
    return options


def _validated(task: Task, given: Mapping[str, Any], flags: Mapping[str, str]) -> AskOptions:
    """A setting is read as JSON; where its JSON does not fit, as the text that it is."""
    read = {name: value.value if isinstance(value, Setting) else value for name, value in given.items()}
    try:
        return task.options.model_validate(read)
    except ValidationError as error:
        wrong = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
        texts = {name: value.text for name, value in given.items() if name in wrong and isinstance(value, Setting)}
        if texts:
            with contextlib.suppress(ValidationError):
                return task.options.model_validate(read | texts)
        fault = error.errors()[0]
    name = str(fault["loc"][0]) if fault["loc"] else ""
    field = task.options.model_fields.get(name)
    hint = field.description if field else None
    if fault["type"] == "list_type":
        # A shell takes the quotation marks away that are not within others.
        as_json = f'{name}=["...", "..."]'
        hint = f"a list is written as JSON: {as_json}, in a shell '{as_json}'" + (f". {hint}" if hint else "")
    raise UsageError(
        f"{name} is {json.dumps(read.get(name), default=str)}: {fault['msg'][:1].lower()}{fault['msg'][1:]}",
        where=flags.get(name, f"--set {name}=..."),
        hint=hint,
    )


@dataclass(frozen=True)
class Setting:
    """What stands after ``--set KEY=``."""

    text: str

    @property
    def value(self) -> Any:
        """It as JSON, or the text itself where it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return self.text


def parse_settings(pairs: Sequence[str]) -> dict[str, Setting]:
    """``key=value`` words. Raises :class:`UsageError` for one without ``=``, and for a key that comes twice."""
    found: dict[str, Setting] = {}
    for pair in pairs:
        key, mark, text = pair.partition("=")
        if not mark or not key:
            raise UsageError(f"{pair!r} is not key=value", where="--set", hint="--set top_k=3")
        if key in found:
            raise UsageError(f"{key!r} comes twice", where="--set", hint="leave one out")
        found[key] = Setting(text)
    return found
