"""What trained a run before it was stopped, beside what would train it now: each part by the pointer of its field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runner.errors import ConflictError

#: Which field of the spec leads to each part of a stamp, and what the part is called.
POINTERS = {
    "backend": ("/model/spec/backend", "the backend"),
    "precision": ("/model/spec/precision", "what is computed in"),
    "base": ("/model/spec/base_model_name", "the base model"),
    "template": ("/model/spec/chat/template", "the chat template"),
    "data": ("/data", "the data"),
    "adapter": ("/model/spec/finetuning_spec", "the shape of the adapters"),
}


def check(before: Mapping[str, Any], now: Mapping[str, Any], *, data_may_differ: bool = False) -> None:
    """Raise :class:`ConflictError`, naming each pointer with both values, where a resumed run is not what it began as.

    ``before`` is empty of a run that begins, and of one of an earlier version. Other data has been judged already where
    ``data_may_differ``.
    """
    changes = []
    for part, (pointer, called) in POINTERS.items():
        if part not in before or (part == "data" and data_may_differ):
            continue
        # As JSON has them: what was read has lists where what is told may have tuples.
        was, value = (json.loads(json.dumps(side.get(part))) for side in (before, now))
        if was != value:
            changes.append((pointer, f"{pointer}: {called} was {_short(was)}, and is {_short(value)}"))
    if changes:
        raise ConflictError(
            "a resumed run goes on as it began: " + "; ".join(told for _, told in changes),
            where=changes[0][0],
            hint="put back what has changed, or train anew without --resume",
        )


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value[:12] if len(value) == 64 else value
    return json.dumps(value)
