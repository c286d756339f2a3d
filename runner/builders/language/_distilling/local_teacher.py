"""A teacher that is run here, and answers before the training begins."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.builders.language._answering.generator import Generator
from runner.builders.language._distilling import teacher as teachers
from runner.builders.language._fields.teacher_fields import Answering
from runner.chat.messages import Conversation
from runner.chat.renderer import ChatRenderer
from runner.contract import TrainContext
from runner.data.dialogues.infer_rows import AskedConversation
from runner.errors import DataError, Stopped
from runner.store.files import write_atomic
from runner.tasks.generation.options import GenerationOptions

#: Rows that are answered at a time.
AT_ONCE = 16


class AskedModel:
    """Its answers are kept in the cache, by its files and by what was asked."""

    def __init__(self, section: Any, place: str) -> None:
        self._section, self._place = section, place

    def answers(self, prompts: Sequence[Conversation], context: TrainContext) -> list[tuple[str, bool] | None]:
        teacher = teachers.find(self._section, self._place, context)
        how = self._section.answering or Answering()
        options = GenerationOptions(
            max_new_tokens=how.max_new_tokens, temperature=how.temperature, seed=context.seed if how.temperature else 0
        )
        rows = [AskedConversation(prompt) for prompt in prompts]
        folder = context.cache / "answers" / _identity(teacher, options, context.device)
        files = [folder / f"{row.key().hex()}.json" for row in rows]
        found = [_kept(file) for file in files]
        # The same question has the same answer.
        waiting = list({files[at]: at for at, answer in enumerate(found) if answer is None}.values())
        if waiting:
            self._answer(teacher, options, [(rows[at], files[at]) for at in waiting], context)
            found = [_kept(file) for file in files]
        return list(found)

    def _answer(
        self,
        teacher: teachers.Teacher,
        options: GenerationOptions,
        asked: list[tuple[Any, Path]],
        context: TrainContext,
    ) -> None:
        tokenizer = teacher.tokenizer
        if teacher.chat is not None:
            renderer = ChatRenderer.from_document(tokenizer, teacher.chat)
        elif tokenizer.chat_template is not None:
            renderer = ChatRenderer.of(tokenizer)
        else:
            raise DataError(
                f"the teacher {teacher.name} has no chat template, so that it cannot be asked", where=teacher.where
            )
        generator = Generator(teacher.opened(context.device, context.seed), tokenizer, renderer)
        for at in range(0, len(asked), AT_ONCE):
            if context.stop_requested():
                raise Stopped("stopped while the teacher answered: what it has answered is kept")
            some = asked[at : at + AT_ONCE]
            for (_, file), (answer, *_) in zip(
                some, generator.predict([row for row, _ in some], options, AT_ONCE), strict=True
            ):
                text = json.dumps({"text": answer.text, "cut": answer.finish_reason == "length"}, ensure_ascii=False)
                file.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(file, text.encode("utf-8", "backslashreplace"))
            context.emit("progress", done=at + len(some), total=len(asked), unit="answers", metrics={})
        del generator
        gc.collect()


def _kept(file: Path) -> tuple[str, bool] | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        document = json.loads(file.read_text("utf-8"))
        return str(document["text"]), bool(document["cut"])
    return None


def _identity(teacher: teachers.Teacher, options: GenerationOptions, device: str) -> str:
    """Another one wherever another answer may come of it."""
    what = [teacher.identity(), device, options.model_dump()]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]
