"""A stored language model that is evaluated: opened by the one door, asked in batches, what it said kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from runner.data.dialogues.infer_rows import AskedConversation
from runner.errors import ConflictError
from runner.evaluation.kept_answers import KeptAnswers
from runner.inference.opening import Opened, open_model
from runner.tasks.generation.evaluation_sections import EvaluationTask, Perplexity
from runner.tasks.generation.passages import Likelihood, Passage
from runner.workspace import Workspace

#: Told how many answers are there, of how many.
Progress = Callable[[int, int], None]
#: Files of a stored model that decide no answer.
FOR_PEOPLE = ".md"


class EvaluatedModel:
    """One model, and where its answers are kept."""

    def __init__(self, opened: Opened, folder: Path, batch_size: int, *, fresh: bool = False) -> None:
        self.opened, self.batch_size = opened, batch_size
        files = {name: record.sha256 for name, record in opened.manifest.files.items() if not name.endswith(FOR_PEOPLE)}
        told = json.dumps([opened.model_type, files, opened.device], sort_keys=True)
        self.content = hashlib.sha256(told.encode()).hexdigest()
        self.kept = KeptAnswers(folder, self.content, fresh=fresh)
        #: Answers that were computed here, and that were known.
        self.computed = self.known = 0

    @classmethod
    def open(
        cls, workspace: Workspace, reference: str, *, device: str, batch_size: int, fresh: bool = False
    ) -> EvaluatedModel:
        """Open a stored language model.

        Raises :class:`ConflictError` for a model of another task, and what opening a model raises.
        """
        opened = open_model(workspace, reference, device=device)
        if not speaks(opened):
            raise ConflictError(
                f"{opened.reference} is a model of {opened.task.name}, and language models are evaluated",
                where="--models",
                hint="`runner compare` measures models of other tasks on their held-out rows",
            )
        return cls(opened, workspace.cache / "evaluations", batch_size, fresh=fresh)

    @property
    def reference(self) -> str:
        return self.opened.reference

    @property
    def converses(self) -> bool:
        return bool(self.opened.predictor.converses)

    @cached_property
    def _plain(self) -> Any:
        return self.opened.predictor.without_template()

    def chats(self, task: EvaluationTask) -> bool:
        """Whether a task is put to this model as a chat.

        Raises :class:`ConflictError` where the task asks for one and the model has no template.
        """
        if isinstance(task.answer, Perplexity) or task.chat == "off":
            return False
        if not self.converses and (task.chat == "on" or task.system is not None):
            field = "/chat" if task.chat == "on" else "/system"
            raise ConflictError(
                f"{self.reference} has no template for a chat",
                where=f"{task.name}: {field}",
                hint='"chat": "off" has every model go on with a text',
            )
        return self.converses

    def predictor(self, chat: bool) -> Any:
        """The predictor of chats, or of texts."""
        return self.opened.predictor if chat else self._plain

    def template(self, chat: bool) -> Mapping[str, Any] | None:
        """What a sample's record says of the template; None of a text."""
        if not chat:
            return None
        document = self.opened.predictor.renderer.as_document()
        return {"name": document["template"], "sha256": document["sha256"]}

    def likelihoods(self, passages: Sequence[Passage], progress: Progress) -> list[Likelihood]:
        """How likely each passage is: those that are not known are computed, in batches by length, and kept."""
        keys = [self.kept.key(ids=passage.ids, begin=passage.begin) for passage in passages]
        missing = self._missing(keys)
        asked = [passages[at] for at in missing]
        batches = self.opened.predictor.likelihoods(asked, self.batch_size) if asked else ()
        done = len(keys) - len(missing)
        for batch in batches:
            self.kept.put({keys[missing[at]]: list(found.as_dict().values()) for at, found in batch})
            done += len(batch)
            progress(done, len(keys))
        self._count(keys, missing)
        return [Likelihood(*self.kept.get(key)) for key in keys]

    def completions(
        self,
        rows: Sequence[AskedConversation],
        options: Any,
        chat: bool,
        progress: Progress,
        prompts: Sequence[list[int]] | None = None,
    ) -> list[dict[str, Any]]:
        """What the model says to each row: ``completion``, ``finish_reason``, ``completion_tokens``.

        Those that are not known are made, longest prompts first, a batch at a time. ``prompts`` are the rows' tokens,
        where they are there already.
        """
        predictor = self.predictor(chat)
        if prompts is None:
            prompts = [predictor.prompt_ids(row, options) for row in rows]
        drawn = options.temperature > 0
        settings = options.model_dump()
        keys = [
            self.kept.key(prompt=prompt, options=settings, chat=chat, row=(row.key() or b"").hex() if drawn else None)
            for prompt, row in zip(prompts, rows, strict=True)
        ]
        missing = sorted(self._missing(keys), key=lambda at: -len(prompts[at]))
        done = len(keys) - len(missing)
        for batch in _pieces(missing, self.batch_size):
            found = predictor.predict([rows[at] for at in batch], options, self.batch_size)
            self.kept.put({keys[at]: made.as_dict() for at, (made,) in zip(batch, found, strict=True)})
            done += len(batch)
            progress(done, len(keys))
        self._count(keys, missing)
        return [self.kept.get(key) for key in keys]

    def _missing(self, keys: Sequence[str]) -> list[int]:
        """The first place of every key that is not known."""
        first: dict[str, int] = {}
        for at, key in enumerate(keys):
            if self.kept.get(key) is None:
                first.setdefault(key, at)
        return list(first.values())

    def _count(self, keys: Sequence[str], missing: Sequence[int]) -> None:
        self.computed += len(missing)
        self.known += len(set(keys)) - len(missing)


def speaks(opened: Opened) -> bool:
    """Whether it is a language model, which says how likely a text is."""
    return hasattr(opened.predictor_class, "likelihoods")


def _pieces(items: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
