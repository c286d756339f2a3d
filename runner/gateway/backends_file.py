"""From ``backends.json`` to checked backends with their keys: every fault at once, each at its place in the text."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runner import near_names
from runner.chat.endpoints import addresses
from runner.errors import SpecError
from runner.inference.routing.costs import Costs
from runner.spec import pointers
from runner.spec.findings import Finding, find, in_order
from runner.spec.reader import Document, read, read_file
from runner.tasks.ranking.backend_sections import STORED, Backend, Backends

#: What asks for the gateway's own choice, and begins the name of a choice of another trade-off.
ROUTER = "router"
EXAMPLE = (
    '{"small": {"url": "http://127.0.0.1:8000/v1", "price": {"input": 0.1, "output": 0.4, "answer_tokens": 300}}, '
    '"mine": "sft/mine", "not-called": null}'
)
#: What a request says itself, so that no backend says it.
OF_REQUESTS = ("model", "messages", "prompt", "stream", "stream_options", "n")


@dataclass(frozen=True)
class LoadedBackends:
    """Backends by the name of the LLM that they answer for. Keys are shown by nothing."""

    backends: Mapping[str, Backend]
    #: LLMs that are not called, as the file says.
    left_out: tuple[str, ...]
    source: str
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: Those that the file has as a stored model's name alone.
    named: frozenset[str] = frozenset()

    def pointer(self, llm: str) -> str:
        """Where the file says which stored model answers for an LLM."""
        own = pointers.join((llm,))
        return own if llm in self.named else f"{own}/stored"

    def costs(self) -> Costs:
        """The table that ``route`` weighs costs by."""
        return Costs({name: backend.price for name, backend in self.backends.items()}, self.source)

    def headers(self, llm: str) -> dict[str, str]:
        """What an endpoint is told beside a request: the key, where it has one."""
        key = self.keys.get(llm)
        return {"Authorization": f"Bearer {key}"} if key else {}


def load_backends(
    path: Path,
    known: Sequence[str],
    router: str,
    environment: Mapping[str, str] = os.environ,
    *,
    keyless: bool = False,
) -> LoadedBackends:
    """Read and check a file of backends for a router that knows the LLMs ``known``; ``keyless`` where nobody is asked.

    Raises :class:`SpecError` with every fault, in the order of the text; :class:`~runner.errors.NotFoundError` or
    :class:`~runner.errors.EnvironmentProblem` for a file that cannot be read, or a key that is not set.
    """
    document = read(read_file(path), str(path))
    # What an editor checks it by.
    document.value.pop("$schema", None)
    faults = _unknown(document, known, router)
    try:
        found = Backends.model_validate_json(json.dumps(document.value)).root
    except ValidationError as error:
        faults += _malformed(error, document)
        found = {}
    faults += [fault for name, value in document.value.items() for fault in _wrong(document, name, value)]
    if faults:
        told = [finding.fault for finding in in_order(faults)]
        raise SpecError(told, source=str(path), hint=None if document.value else f"such as {EXAMPLE}")
    backends = {
        name: Backend(stored=value) if isinstance(value, str) else value
        for name, value in found.items()
        if value is not None
    }
    keys = {
        name: addresses.key_in(backend.api_key_env, name, str(path), environment)
        for name, backend in backends.items()
        if backend.api_key_env is not None and not keyless
    }
    left_out = tuple(name for name, value in found.items() if value is None)
    named = frozenset(name for name, value in found.items() if isinstance(value, str))
    return LoadedBackends(backends, left_out, str(path), keys, named)


def _malformed(error: ValidationError, document: Document) -> list[Finding]:
    """What the schema says, and what it cannot say."""
    from runner.spec.json_schemas import backends
    from runner.spec.pydantic_errors import from_pydantic, told
    from runner.spec.schema_validation import check

    faults = [_secret(finding) for finding in check(document, document.value, backends())]
    beyond = from_pydantic(error, document, document.value, [])
    return faults + [fault for fault in beyond if not told(fault, faults)]


def _secret(finding: Finding) -> Finding:
    """A key that stands in the file is not repeated, and it is said where it belongs."""
    if finding.sort != "unknown" or str(finding.at[-1]).lower() not in addresses.SECRETS:
        return finding
    hint = "a key does not stand in the file: name the variable that holds it in api_key_env"
    return replace(finding, fault=replace(finding.fault, found=None, hint=hint), meant=None)


def _unknown(document: Document, known: Sequence[str], router: str) -> list[Finding]:
    """Backends of LLMs that the router does not know, and its LLMs that have none."""
    faults, names = [], list(document.value)
    for name in names:
        if name == ROUTER or name.startswith(f"{ROUTER}-"):
            message = f"a name that begins with {ROUTER} asks for the router's choice, and names no LLM here"
            faults.append(find(document, (name,), "reserved", message, on_key=True))
        elif name not in known:
            # Of those without a backend first: one of them is what was meant.
            missing = [each for each in known if each not in names]
            otherwise = near_names.hint(name, known, f"it knows: {_some(known)}")
            hint = near_names.hint(name, missing, otherwise)
            faults.append(
                find(document, (name,), "unknown", f"{router} knows no LLM of this name", on_key=True, hint=hint)
            )
    for name in known:
        if name not in names:
            faults.append(
                find(
                    document,
                    (name,),
                    "missing",
                    f"the LLM {name!r} of {router} has no backend",
                    shown=(),
                    hint=f'"{name}": null says that it is not called',
                )
            )
    if names and known and all(document.value[name] is None for name in names):
        faults.append(find(document, (), "empty", "no LLM is called"))
    return faults


def _wrong(document: Document, name: str, value: Any) -> list[Finding]:
    """What the schema does not say of one backend as it is written."""
    faults = []
    if isinstance(value, str) and STORED.fullmatch(value) is None:
        hint = "an endpoint is an object with a url" if "://" in value else f"such as {EXAMPLE}"
        faults.append(find(document, (name,), "reference", "a stored model is TYPE/NAME or TYPE/NAME/vN", hint=hint))
    parameters = value.get("parameters") if isinstance(value, dict) else None
    if isinstance(parameters, dict):
        for own in OF_REQUESTS:
            if own in parameters:
                at: tuple[Any, ...] = (name, "parameters", own)
                faults.append(find(document, at, "of_requests", "is what each request says itself", on_key=True))
    return faults


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
