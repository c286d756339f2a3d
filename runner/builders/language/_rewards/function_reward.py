"""What a user's function says of answers: out of a file, or of a module of an installed package."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from runner.builders.language._rewards.judged_answer import JudgedAnswer
from runner.errors import DataError


class Function:
    """It is called for the answers to one prompt, with lists of one length: ``prompts`` (each its turns),
    ``completions`` (texts) and every column beside the prompt; it gives a list of as many numbers."""

    def __init__(self, section: Any, place: str) -> None:
        """Raises :class:`DataError` for another content than the spec says, and what has no such function."""
        self._function, self.sha256 = _opened(section, place)

    def values(self, answers: Sequence[JudgedAnswer]) -> Sequence[float | None]:
        row, count = answers[0].row, len(answers)
        turns: list[dict[str, Any]] = row.prompt.as_dict()["messages"]
        words: dict[str, Any] = {name: [value] * count for name, value in row.beside.items()}
        words |= {"prompts": [turns] * count, "completions": [answer.text for answer in answers]}
        found = self._function(**words)
        if hasattr(found, "tolist"):
            found = found.tolist()
        if not isinstance(found, list | tuple):
            raise TypeError(f"it gave {type(found).__name__}, and no list of numbers")
        return found


def _opened(section: Any, place: str) -> tuple[Callable[..., Any], str]:
    if section.file is not None:
        where, path = f"{place}/file", Path(section.file)
    else:
        where, path = f"{place}/module", _file_of(section.module, f"{place}/module")
    source = path.read_bytes()
    found = hashlib.sha256(source).hexdigest()
    if section.sha256 is not None and section.sha256 != found:
        raise DataError(
            f"{path} is not the file that it was: its checksum is {found}",
            where=f"{place}/sha256",
            hint="bring the file back, or begin another run with the new one",
        )
    try:
        module = _run(path, source) if section.file is not None else importlib.import_module(section.module)
    except Exception as error:
        raise DataError(f"{path} cannot be read: {type(error).__name__}: {error}", where=where) from error
    function = getattr(module, section.function, None)
    if not callable(function):
        raise DataError(
            f"{path} has no function {section.function!r}",
            where=f"{place}/function",
            hint="def reward(prompts, completions, **columns): return [1.0 for each in completions]",
        )
    return function, found


def _run(path: Path, source: bytes) -> ModuleType:
    """The module that the file is: what was read is what is run."""
    name = f"runner_reward_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    # Classes of the file look themselves up by their module's name.
    sys.modules[name] = module
    exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - the spec names the file to be run
    return module


def _file_of(name: str, where: str) -> Path:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError) as error:
        raise DataError(f"there is no module {name}: {error}", where=where) from error
    if found is None or found.origin is None or not Path(found.origin).is_file():
        raise DataError(f"there is no module {name}", where=where, hint="install its package where the run is")
    return Path(found.origin)
