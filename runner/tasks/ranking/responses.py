"""What an LLM that no training saw has answered: the (prompt, response) pairs that it is scored by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.data.prompt_rows import PAIR, answer
from runner.data.prompts import need_text
from runner.data.records.broken_rows import BrokenRows
from runner.data.records.json_lines import decoded, numbered, parsed
from runner.errors import DataError, NotFoundError, UsageError
from runner.store.files import cannot_read

FLAG = "--responses-of"


@dataclass(frozen=True)
class Responses:
    """One LLM's answers."""

    name: str
    prompts: tuple[str, ...]
    responses: tuple[str, ...]
    #: sha256 of the file.
    sha256: str

    def facts(self) -> dict[str, str | int]:
        """As the provenance has it."""
        return {"sha256": self.sha256, "pairs": len(self.prompts)}


def read(asked: Sequence[tuple[str, str | Path]]) -> list[Responses]:
    """Read every LLM's file. Raises :class:`UsageError` for a name that cannot be one, or that comes twice."""
    names = [name for name, _ in asked]
    need_text(FLAG, names)
    for name in names:
        if not name:
            raise UsageError("an LLM's name is empty", where=FLAG, hint=f"{FLAG} NAME FILE")
        if names.count(name) > 1:
            raise UsageError(f"{name!r} comes twice", where=FLAG, hint="put its answers into one file")
    return [_read(name, Path(path)) for name, path in asked]


def _read(name: str, path: Path) -> Responses:
    """Read a JSONL file. Raises :class:`DataError` with file and line for a line that is no pair."""
    whole, broken = hashlib.sha256(), BrokenRows()
    prompts, responses = [], []
    try:
        with path.open("rb") as file:
            for number, raw in numbered(file, str(path)):
                whole.update(raw)
                where = f"{path}:{number}"
                try:
                    text = decoded(raw, where)
                    pair = answer(parsed(text, where, PAIR), where) if text.strip() else None
                except DataError as error:
                    broken.add(error)
                    continue
                if pair is not None:
                    prompts.append(pair[0])
                    responses.append(pair[1])
            broken.tell()
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path), hint=f"{FLAG} NAME FILE") from None
    except IsADirectoryError:
        raise UsageError("is a directory", where=str(path), hint=f"{FLAG} NAME FILE") from None
    except OSError as error:
        raise cannot_read(path, error) from error
    if not prompts:
        raise DataError(f"there is no answer of {name!r} in it", where=str(path), hint=PAIR)
    return Responses(name, tuple(prompts), tuple(responses), whole.hexdigest())
