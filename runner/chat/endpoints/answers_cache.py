"""Answers that were paid for, by what was asked: the same question of the same LLM is not asked twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runner.chat.endpoints.backends import Backend
from runner.store.files import write_atomic


@dataclass(frozen=True)
class Answer:
    """What an LLM said, and what that took; None for what the endpoint does not tell."""

    text: str
    prompt_tokens: float | None
    completion_tokens: float | None
    #: Seconds from the question to the whole answer, of the attempt that was answered.
    latency: float
    #: Whether it ends for want of tokens, and not by itself.
    cut: bool = False


class AnswersCache:
    """A folder of answers. No key is in it, and no address: both are in the hash of what was asked at most."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, backend: Backend, messages: Sequence[dict[str, str]]) -> Answer | None:
        """The answer, None where there is none that can be read."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            return Answer(**json.loads(self._file(backend, messages).read_text("utf-8")))
        return None

    def put(self, backend: Backend, messages: Sequence[dict[str, str]], answer: Answer) -> None:
        """Keep an answer, whole or not at all."""
        file = self._file(backend, messages)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, json.dumps(asdict(answer), ensure_ascii=False).encode("utf-8", "backslashreplace"))

    def _file(self, backend: Backend, messages: Sequence[dict[str, str]]) -> Path:
        asked: list[Any] = [backend.base_url.rstrip("/"), backend.model, backend.parameters, list(messages)]
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        return self._folder / digest[:2] / f"{digest}.json"
