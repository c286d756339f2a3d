"""Words of other programs for how a parameter is drawn: Optuna's, W&B's, Ray Tune's and Ludwig's, put into ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner import near_names
from runner.spec.findings import Finding, find, written
from runner.spec.old_names import Older
from runner.spec.reader import Document

#: Where they stand: W&B says distribution, Ludwig space, Optuna's users and others type.
KEYS = ("type", "distribution", "space")
#: The word -> what it says in our fields.
WORDS: dict[str, dict[str, Any]] = {
    "float": {"type": "float"},
    "int": {"type": "int"},
    "uniform": {"type": "float"},
    "loguniform": {"type": "float", "log": True},
    "log_uniform_values": {"type": "float", "log": True},
    "int_uniform": {"type": "int"},
    "randint": {"type": "int"},
    "lograndint": {"type": "int", "log": True},
    "quniform": {"type": "float"},
    "q_uniform": {"type": "float"},
    "categorical": {},
    "choice": {},
    "grid_search": {},
}
#: Words that cannot be taken over -> why.
TRAPS = {
    "log_uniform": 'min and max of W&B\'s log_uniform are exponents of e: write the values themselves and "log": true',
    "inv_log_uniform": "there is no such distribution here",
    "normal": "there is no normal distribution here: a range has a least and a greatest value",
    "log_normal": "there is no normal distribution here: a range has a least and a greatest value",
    "q_log_uniform_values": "a logarithmic range has no step: list its values",
    "constant": "it is not varied: write the value into the base spec",
}


def in_our_words(document: Document, value: Any) -> tuple[Any, list[Older], list[Finding], list[Finding]]:
    """A sweep's value with parameters in our words; where others stood; what is odd about it, and what is wrong."""
    older: list[Older] = []
    warnings: list[Finding] = []
    faults: list[Finding] = []
    sweep = value.get("sweep") if isinstance(value, dict) else None
    name = next((key for key in ("space", "parameters") if isinstance(sweep, dict) and key in sweep), None)
    if name is None or not isinstance(sweep, dict) or not isinstance(sweep[name], dict):
        return value, older, warnings, faults
    space = dict(sweep[name])
    for place, parameter in space.items():
        if not isinstance(parameter, Mapping):
            continue
        for key in KEYS:
            word = parameter.get(key)
            at = ("sweep", name, place, key)
            if (key == "type" and word in ("float", "int", None)) or key not in parameter:
                continue
            if not isinstance(word, str) or word not in WORDS:
                reason = TRAPS.get(str(word))
                near = near_names.nearest(str(word), WORDS)
                hint = reason or (f'did you mean "{near}"?' if near else "of a range: min, max, log, step; else values")
                faults.append(
                    find(
                        document, at, "distribution", "no distribution of ours", found=written(document, at), hint=hint
                    )
                )
                ours: dict[str, Any] = {}
            else:
                ours = WORDS[word]
                said = ", ".join(f"{field}: {str(each).lower()}" for field, each in ours.items()) or "nothing"
                warnings.append(
                    find(document, at, "older", f"another program's word for {said}", found=written(document, at))
                )
            parameter = {field: each for field, each in parameter.items() if field != key} | ours
            older += [Older(at, field) for field in ours if field not in space[place]]
        space[place] = parameter
    return value | {"sweep": sweep | {name: space}}, older, warnings, faults
