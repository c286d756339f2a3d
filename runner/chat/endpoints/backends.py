"""The LLMs that answer: a JSON file of names, addresses and prices. Keys are named in it and never stand in it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from runner.chat.endpoints import addresses
from runner.contract import Section, option
from runner.errors import DataError, EnvironmentProblem, NotFoundError

Name = Annotated[str, Field(min_length=1, max_length=256)]
HINT = (
    '[{"name": "small", "base_url": "http://127.0.0.1:8000/v1", "model": "org/small", "input": 0.1, "output": 0.4, '
    '"key_env": "SMALL_KEY"}, ...]'
)


class Backend(Section):
    """One LLM behind an OpenAI-compatible endpoint."""

    name: Name = option(description="What the matrix calls it.")
    base_url: Name = option(description="Where the API is, such as http://127.0.0.1:8000/v1.")
    model: Name = option(description="What the endpoint calls it.")
    input: float = option(0.0, ge=0, description="The price of a million tokens of prompt.")
    output: float = option(0.0, ge=0, description="The price of a million tokens of answer.")
    call: float = option(0.0, ge=0, description="The price of a call, whatever its length.")
    key_env: Name | None = option(None, description="The environment variable that holds the key.")
    key_file: Name | None = option(None, description="The file that holds the key.")
    parameters: dict[str, Any] = option(
        factory=dict, description="What else is asked of it, such as temperature and max_tokens."
    )

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        return self.call + (self.input * prompt_tokens + self.output * completion_tokens) / 1_000_000


@dataclass(frozen=True)
class Keyed:
    """A backend with its key, which no message and no file shows."""

    backend: Backend
    _key: str | None

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def hidden(self, text: str) -> str:
        """A text of the endpoint's without the key, which some endpoints repeat in their errors."""
        return text.replace(self._key, "***") if self._key else text

    def __repr__(self) -> str:
        return f"Keyed({self.backend.name!r})"


def read(path: Path, environment: Mapping[str, str] = os.environ) -> list[Keyed]:
    """The backends of a file, with their keys. Raises with every fault in it."""
    try:
        document = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path), hint=HINT) from None
    except (OSError, ValueError) as error:
        raise DataError(f"no list of backends: {error}", where=str(path), hint=HINT) from None
    if not isinstance(document, list) or not document:
        raise DataError("backends are a JSON array of objects", where=str(path), hint=HINT)
    found, faults = [], []
    for at, value in enumerate(document):
        try:
            found.append(Backend.model_validate(value))
        except ValidationError as error:
            faults += [f"/{at}/{_place(fault)}: {_words(fault)}" for fault in error.errors(include_input=False)]
    names = [backend.name for backend in found]
    faults += [f"the name {name!r} is there twice" for name in sorted(set(names)) if names.count(name) > 1]
    faults += [f"{backend.name}: {told}" for backend in found if (told := _address(backend))]
    if faults:
        raise DataError(f"not backends: {'; '.join(faults)}", where=str(path), hint=HINT)
    return [Keyed(backend, _key(backend, path, environment)) for backend in found]


def keyed(backend: Backend, where: str, environment: Mapping[str, str] = os.environ) -> Keyed:
    """A backend that a document names at ``where``, with its key.

    Raises :class:`DataError` for an address that is none, and :class:`EnvironmentProblem` for a key that is not there.
    """
    if told := _address(backend):
        raise DataError(told, where=where)
    return Keyed(backend, _key(backend, Path(where), environment))


def _place(fault: Any) -> str:
    return "/".join(map(str, fault["loc"]))


def _words(fault: Any) -> str:
    if fault["type"] == "extra_forbidden" and str(fault["loc"][-1]).lower() in addresses.SECRETS:
        return "a key does not stand in the file: name the variable in key_env, or the file in key_file"
    return str(fault["msg"]).lower()


def _address(backend: Backend) -> str | None:
    """What is wrong with the address, None for a good one."""
    if backend.key_env and backend.key_file:
        return "key_env and key_file are two keys"
    fault = addresses.fault_of(backend.base_url, keyed=bool(backend.key_env or backend.key_file))
    if fault is None or fault.startswith("a key"):
        return fault
    return f"base_url {fault}" + (": a key is named in key_env or key_file" if "password" in fault else "")


def _key(backend: Backend, path: Path, environment: Mapping[str, str]) -> str | None:
    if backend.key_env is not None:
        return addresses.key_in(backend.key_env, backend.name, str(path), environment)
    if backend.key_file is None:
        return None
    file = path.parent / Path(backend.key_file).expanduser()
    try:
        key = file.read_text("utf-8").strip()
    except (OSError, ValueError):
        key = ""
    if not key:
        raise EnvironmentProblem(f"{backend.name} needs a key, and the file has none", where=str(file))
    return key
