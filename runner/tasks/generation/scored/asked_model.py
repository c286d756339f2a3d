"""A language model that tasks are asked of, in batches: a stored one, or one that is in training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from runner.data.dialogues.infer_rows import AskedConversation
from runner.errors import ConflictError
from runner.tasks.generation.answer_metrics import metric_sections as sections
from runner.tasks.generation.answer_metrics.figures import Figure
from runner.tasks.generation.evaluation_sections import EvaluationTask, Perplexity
from runner.tasks.generation.passages import Likelihood, Passage
from runner.tasks.generation.questions.question import Question

#: Told how many answers are there, of how many.
Progress = Callable[[int, int], None]
#: Rows that a model reads at a time, at most, where nobody says another number.
TOGETHER = 16


class Kept(Protocol):
    """The answers that a model gave, by all that decides them."""

    def key(self, **asked: Any) -> Any:
        """The key of an answer: of all that is asked."""

    def get(self, key: Any) -> Any:
        """The answer, None where it is not known."""

    def put(self, answers: Mapping[Any, Any]) -> None:
        """Keep a batch of answers."""


class AskedModel:
    """A model's predictor, and where its answers are kept."""

    def __init__(self, reference: str, predictor: Callable[[], Any], batch_size: int, kept: Kept) -> None:
        """``reference`` is its name; ``predictor`` is called once it is needed."""
        self.reference, self.batch_size, self.kept = reference, batch_size, kept
        self._open = predictor
        #: Answers that were computed here, and that were known.
        self.computed = self.known = 0

    @cached_property
    def _predictor(self) -> Any:
        return self._open()

    @cached_property
    def _plain(self) -> Any:
        return self._predictor.without_template()

    @property
    def converses(self) -> bool:
        return bool(self._predictor.converses)

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
        return self._predictor if chat else self._plain

    def template(self, chat: bool) -> Mapping[str, Any] | None:
        """What a sample's record says of the template; None of a text."""
        if not chat:
            return None
        document = self._predictor.renderer.as_document()
        return {"name": document["template"], "sha256": document["sha256"]}

    def likelihoods(self, passages: Sequence[Passage], progress: Progress) -> list[Likelihood]:
        """How likely each passage is: those that are not known are computed, in batches by length, and kept."""
        keys = [self.kept.key(ids=passage.ids, begin=passage.begin) for passage in passages]
        missing = self._missing(keys)
        asked = [passages[at] for at in missing]
        batches = self._predictor.likelihoods(asked, self.batch_size) if asked else ()
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

    def _missing(self, keys: Sequence[Any]) -> list[int]:
        """The first place of every key that is not known."""
        first: dict[Any, int] = {}
        for at, key in enumerate(keys):
            if self.kept.get(key) is None:
                first.setdefault(key, at)
        return list(first.values())

    def _count(self, keys: Sequence[Any], missing: Sequence[int]) -> None:
        self.computed += len(missing)
        self.known += len(set(keys)) - len(missing)


class Judges(Protocol):
    """Stored models that judge answers, and what runs their code."""

    def figure(
        self,
        metric: sections.Judged,
        questions: Sequence[Question],
        rows: Sequence[AskedConversation],
        answers: Sequence[str],
    ) -> Figure:
        """What the judge of a metric makes of the answers, or their code of its tests."""


def _pieces(items: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
