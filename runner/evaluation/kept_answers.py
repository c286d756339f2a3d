"""What a model answered, kept by everything that decides it: asked again it is found, and work that stopped goes on.

A file a model's content (the checksums of its weights, tokenizer and template), a line a batch. A batch is there whole
or not at all: a line that was cut is passed over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from runner.store.files import cannot_write, ends_torn

#: Raised whenever the same question would be answered otherwise by newer code.
FORMAT = 1


class KeptAnswers:
    """The answers of one model."""

    def __init__(self, folder: Path, content: str, *, fresh: bool = False) -> None:
        self._content = content
        self._file = folder / f"{content[:40]}.jsonl"
        #: How many were kept here.
        self.added = 0
        self._known: dict[str, Any] = {} if fresh else self._read()

    def key(self, **asked: Any) -> str:
        """The key of an answer: of the model's content and of all that is asked."""
        told = json.dumps([FORMAT, self._content, asked], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()

    def get(self, key: str) -> Any:
        """The answer, None where it is not known."""
        return self._known.get(key)

    def put(self, answers: Mapping[str, Any]) -> None:
        """Keep a batch of answers. Raises :class:`EnvironmentProblem` where it cannot be written."""
        self._known |= answers
        line = json.dumps(dict(answers), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._file.with_suffix(".lock")), self._file.open("ab") as file:
                # After a line that was cut, the next begins on its own.
                if ends_torn(self._file):
                    line = b"\n" + line
                file.write(line)
        except OSError as error:
            raise cannot_write(self._file, error) from error
        self.added += len(answers)

    def _read(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        try:
            with self._file.open("rb") as file:
                for line in file:
                    try:
                        answers = json.loads(line.decode("utf-8", "surrogatepass"))
                    except ValueError:
                        continue
                    if isinstance(answers, dict):
                        found |= answers
        except OSError:
            return found
        return found
