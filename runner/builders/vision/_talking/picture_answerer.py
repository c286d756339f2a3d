"""A stored model of pictures and language that answers: a predictor of the task ``generation``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from runner.builders._finetuning import finetuned_model
from runner.builders._finetuning._fields.pretrained_fit import positions
from runner.builders._finetuning.answer_batches import checked_prompts, longest_first, size_of_next
from runner.builders._finetuning.sampling import seed_of
from runner.builders._finetuning.stop_texts import cut_at
from runner.builders.language._rows.row_report import RowReport
from runner.builders.text._targets import writing_settings
from runner.builders.text._targets.drawn_tokens import drawing
from runner.builders.vision._talking import pictured_batches, pictured_loss
from runner.builders.vision._talking.pictured_base import PictureProcessor
from runner.builders.vision._talking.pictured_tokens import PicturedTokens, labelled, prompt_of, with_token
from runner.chat.messages import Conversation, Message
from runner.chat.refusals import Unrenderable
from runner.chat.renderer import ChatRenderer
from runner.data.pictured_dialogues.pictured_row import PicturedRow, marked
from runner.errors import DataError
from runner.tasks.generation.completions import Completion, Ending
from runner.training.quiet_libraries import quietly

#: What options of answers do not have, for :mod:`writing_settings`.
PLAIN = {"length_penalty": 1.0, "no_repeat_ngram_size": 0}


class PictureAnswerer:
    """The model, its processor and its template."""

    converses = True

    def __init__(self, model: Any, processor: PictureProcessor, renderer: ChatRenderer) -> None:
        self.model, self.processor, self.renderer = model, processor, renderer
        self.tokenizer = processor.tokenizer

    @classmethod
    def load(cls, directory: Path, device: str = "cpu", cache: Path | None = None) -> Self:
        """Read a stored model's folder; of an adapter, its base as well, which its name and checksums say."""
        document = finetuned_model.read(directory)
        model = finetuned_model.load(directory, finetuned_model.stored_head(document), device, cache)
        config = {"image_token_id": document["image_token_id"]}
        processor = PictureProcessor.of_folder(directory, config, str(directory))
        return cls(model, processor, ChatRenderer.from_document(processor.tokenizer, document["chat"]))

    @property
    def longest(self) -> int:
        """The tokens that the model has positions for."""
        return positions(self._plain.config.get_text_config().to_dict()) or 1_000_000

    def prompt_ids(self, row: Any, options: Any) -> list[int]:
        """What the model is fed for a row, pictures included. Raises :class:`DataError` for what is refused."""
        conversation: Conversation | None = row.conversation
        question = getattr(options, "question", None)
        pictures = self._pictures(row)
        if conversation is None:
            text = question or str(row.caption_prompt)
            conversation = Conversation((Message("user", marked(text, len(pictures))),))
        elif question is not None:
            raise DataError("the row has a question of its own, so --set question has no effect", hint="leave it out")
        system = getattr(options, "system", None)
        if system is not None and conversation.messages[0].role != "system":
            conversation = conversation.with_messages([Message("system", system), *conversation.messages])
        return prompt_of(conversation, self.processor, self.renderer, len(pictures))

    def checked_ids(self, row: Any, options: Any) -> list[int]:
        """The same. Raises :class:`DataError` too for a prompt that leaves no room, and where beams cannot search."""
        ids = self.prompt_ids(row, options)
        if len(ids) >= self.longest:
            raise DataError(
                f"the prompt has {len(ids):,} tokens with its pictures, and the model reads at most {self.longest:,}, "
                "answer included",
                hint="fewer pictures, or a shorter prompt",
            )
        if options.num_beams > 1 and len(self._pictures(row)) > 1:
            raise DataError("a row of several pictures is not searched by beams", hint="leave num_beams out")
        return ids

    def count(self, rows: Sequence[Any], options: Any) -> list[int]:
        """Tokens of every row's prompt."""
        return [len(self.prompt_ids(row, options)) for row in rows]

    def predict(self, rows: Sequence[Any], options: Any, batch_size: int) -> list[list[Completion]]:
        """``n`` answers to every row, in the rows' order. Rows are batched by length.

        Raises :class:`DataError` for a row that is refused.
        """
        prompts = checked_prompts(rows, lambda row: self.checked_ids(row, options))
        order = longest_first(prompts)
        found: list[list[Completion]] = [[] for _ in rows]
        while order:
            size = size_of_next(prompts, order, options, at_most=batch_size, longest=self.longest)
            # Beams copy pictures as they copy rows, which have as many each then.
            first = len(self._pictures(rows[order[0]]))
            alike = [at for at in order if options.num_beams == 1 or len(self._pictures(rows[at])) == first]
            some = alike[:size]
            order = [at for at in order if at not in set(some)]
            made = self._batch([rows[at] for at in some], [prompts[at] for at in some], options)
            for at, answers in zip(some, made, strict=True):
                found[at] = answers
        return found

    def _batch(self, rows: list[Any], prompts: list[list[int]], options: Any) -> list[list[Completion]]:
        longest, padding = max(map(len, prompts)), int(self.tokenizer.pad_token_id)
        config = writing_settings.for_options(self._plain, options, PLAIN)
        config.eos_token_id, config.pad_token_id = list(self.renderer.stop_ids), padding
        config.max_new_tokens = min(options.max_new_tokens, self.longest - longest)
        # Beams give several answers by themselves.
        copies = 1 if options.num_beams > 1 else options.n
        words: dict[str, Any] = {}
        if options.temperature > 0:
            seeds = [[seed_of(row.key(), options.seed), copy] for row in rows for copy in range(copies)]
            words["logits_processor"] = drawing(options, seeds)
        stops = list(dict.fromkeys([*self.renderer.stop_strings, *options.stop]))
        if stops:
            words |= {"stop_strings": stops, "tokenizer": self.tokenizer}
        repeated = [prompt for prompt in prompts for _ in range(copies)]
        pictures = [picture for row in rows for _ in range(copies) for picture in self._pictures(row)]
        ids = torch.tensor([[padding] * (longest - len(each)) + each for each in repeated])
        mask = torch.tensor([[0] * (longest - len(each)) + [1] * len(each) for each in repeated])
        if pictures:
            words["pixel_values"] = self.processor.pixels(pictures).to(self.model.device)
        with torch.inference_mode(), quietly():
            out = self.model.generate(
                input_ids=ids.to(self.model.device), attention_mask=mask.to(self.model.device),
                generation_config=config, **words,
            )  # fmt: skip
        written = [self._until_end(made) for made in out[:, longest:].tolist()]
        told: list[list[tuple[str, float]] | None] = [None] * len(written)
        if options.logprobs:
            told = list(self._log_probs(repeated, written, pictures))
        made = [self._completion(*pair, stops) for pair in zip(written, told, strict=True)]
        return [made[at : at + options.n] for at in range(0, len(made), options.n)]

    @property
    def _plain(self) -> Any:
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    def _pictures(self, row: Any) -> Sequence[Any]:
        return getattr(row, "pictures", ())

    def _until_end(self, ids: list[int]) -> list[int]:
        ends = (*self.renderer.stop_ids, self.tokenizer.pad_token_id)
        at = next((place for place, token in enumerate(ids) if token in ends), len(ids))
        return ids[: at + 1] if at < len(ids) and ids[at] in self.renderer.stop_ids else ids[:at]

    def _log_probs(
        self, prompts: list[list[int]], written: list[list[int]], pictures: list[Any]
    ) -> list[list[tuple[str, float]]]:
        """Each token's text and log-probability under the model, as it stands without penalties."""
        rows = [np.array([*prompt, *made], np.int64) for prompt, made in zip(prompts, written, strict=True)]
        batch = pictured_batches.batch_of(rows, pictures, self.processor)
        with torch.inference_mode():
            logits = self.model(**{name: value.to(self.model.device) for name, value in batch.items()}).logits
        found = []
        for number, (prompt, made) in enumerate(zip(prompts, written, strict=True)):
            odds = torch.log_softmax(logits[number, len(prompt) - 1 : len(prompt) - 1 + len(made)].float(), dim=-1)
            found.append([
                (self.tokenizer.decode([token]), float(odds[at, token])) for at, token in enumerate(made)
            ])  # fmt: skip
        return found

    def _completion(self, ids: list[int], told: list[tuple[str, float]] | None, stops: list[str]) -> Completion:
        ended = bool(ids) and ids[-1] in self.renderer.stop_ids
        reason: Ending = "stop" if ended else "length"
        kept = ids[:-1] if ended else ids
        text, stopped = cut_at(self.tokenizer.decode(kept, skip_special_tokens=False), stops)
        message = self.renderer.parsed(text)
        return Completion(
            message.content, "stop" if stopped else reason, len(ids), message.reasoning, message.tool_calls, told
        )

    def nats(self, passages: Sequence[Any]) -> np.ndarray:
        """The negative log-likelihood of the answers of each passage's conversation: float64 ``[n]``.

        Raises :class:`DataError` for a passage that its template refuses, or that is longer than the model reads.
        """
        rows, ids, labels = [], [], []
        for at, passage in enumerate(passages):
            try:
                made = self.renderer.trained(with_token(passage.conversation, self.processor.token))
            except Unrenderable as error:
                raise DataError(f"held-out row {at + 1}: {error.message}", hint=error.hint) from None
            own, wanted = labelled(made, self.processor)
            if len(own) > self.longest:
                raise DataError(f"held-out row {at + 1} has {len(own):,} tokens, and the model reads {self.longest:,}")
            rows.append(PicturedRow(at, passage.conversation, pictures=tuple(passage.pictures)))
            ids.append(own)
            labels.append(wanted)
        side = PicturedTokens(rows, ids, labels, RowReport("validation"), 0)
        return pictured_loss.foretold(self.model, side, self.processor, str(self.model.device)).loss
