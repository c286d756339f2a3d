"""The options of a model's own task on the command line of ``runner infer``: in its help, and as flags."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence

from pydantic.fields import FieldInfo

from runner import near_names
from runner.contract import Task
from runner.errors import RunnerError, UsageError

#: Flags whose value may begin with a dash.
DASHED = ("--input", "--output-path", "--prompts-file")


def value_of(flag: str, words: Sequence[str]) -> str | None:
    """What follows a flag on a command line that is not parsed yet."""
    joined = next((word.partition("=")[2] for word in words if word.startswith(f"{flag}=")), None)
    if joined is not None or flag not in words:
        return joined
    after = words[words.index(flag) + 1 :]
    return after[0] if after else None


def model_options(words: Sequence[str]) -> str:
    """The help's text, empty where no ``--model`` stands among the words. Raises what finding the model raises."""
    model = value_of("--model", words)
    if model is None:
        return ""
    reference, task = _found(model)
    lines = [f"{reference} is a model of {task.name}. Its options, as flags or by --set KEY=VALUE:"]
    for name, field in task.options.model_fields.items():
        default = field.get_default(call_default_factory=True)
        lines.append(f"  {name} (default {json.dumps(default)}): {field.description}")
    return "\n".join(lines if task.options.model_fields else [f"{reference} is a model of {task.name}."])


def as_settings(words: Sequence[str]) -> list[str]:
    """The words after ``infer``, with every flag that is an option of the model's task written as ``--set KEY=VALUE``.

    A flag that is neither stays for the parser to refuse, but for one that is nearly an option. Raises
    :class:`UsageError` for that one, and for an option without its value.
    """
    own, model = _own_flags(), value_of("--model", words)
    strange = [at for at, word in enumerate(words) if _is_strange(words, at, own)]
    if not strange or model is None:
        return list(words)
    try:
        _, task = _found(model)
    except RunnerError:
        # The command says it with the others of its faults.
        return list(words)
    options, found, taken = task.options.model_fields, list[str](), -1
    for at, word in enumerate(words):
        if at == taken:
            continue
        name, given, value = word.partition("=")
        key = _key(name, options) if at in strange else None
        if key is None:
            found.append(word)
        elif given:
            found += ["--set", f"{key}={value}"]
        elif options[key].annotation is bool:
            found += ["--set", f"{key}={json.dumps(not name.startswith('--no-'))}"]
        elif at + 1 < len(words) and not words[at + 1].startswith("--"):
            taken = at + 1
            found += ["--set", f"{key}={words[taken]}"]
        else:
            raise UsageError("has no value", where=name, hint=f"{name} VALUE: {options[key].description}")
    return found


def _found(model: str) -> tuple[str, Task]:
    """The whole name of a stored model, and what it answers."""
    from runner import registry
    from runner.inference.opening import find_model
    from runner.workspace import Workspace

    found = find_model(Workspace.current(), model, or_base=True)
    return found.reference, registry.task(found.model_type)


def _own_flags() -> set[str]:
    """The flags that every model's ``infer`` has."""
    from runner.cli.infer import infer

    return {_flag(name.strip("_")) for name in inspect.signature(infer).parameters} | {"--help", "--version"}


def _is_strange(words: Sequence[str], at: int, own: set[str]) -> bool:
    """Whether the word is a flag that is not one of ``infer``'s own."""
    if not words[at].startswith("--") or (at and words[at - 1] in DASHED):
        return False
    return _flag(words[at].partition("=")[0].removeprefix("--")) not in own


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _key(flag: str, options: Mapping[str, FieldInfo]) -> str | None:
    """The option that a flag names. Raises :class:`UsageError` for one that it nearly names."""
    flags = {_flag(name): name for name in options}
    flags |= {_flag(f"no-{name}"): name for name, field in options.items() if field.annotation is bool}
    if (plain := _flag(flag.removeprefix("--"))) in flags:
        return flags[plain]
    if near := near_names.nearest(plain, flags, cutoff=0.8):
        raise UsageError("there is no such flag", where=flag, hint=f"did you mean {near}?")
    return None
