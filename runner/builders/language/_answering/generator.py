"""A stored language model that goes on from prompts and conversations: the predictor of the task ``generation``."""

from __future__ import annotations

from collections.abc import Generator as Iteration
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from runner.builders._finetuning.answer_batches import TOKENS, checked_prompts, longest_first, size_of_next
from runner.builders._finetuning.sampling import seed_of
from runner.builders._finetuning.stop_texts import cut_at, end_at
from runner.builders.language._answering import foretelling
from runner.builders.language._answering.continuous_batching import Decoding, Line, decode
from runner.builders.language._answering.streaming import Pieces, stream
from runner.builders.language._learning.likelihood_loss import judge
from runner.builders.language._models import merging, stored_model
from runner.builders.language._models.opening import configuration, open_folder, open_tokenizer, positions
from runner.builders.language._rows.token_rows import TokenRows
from runner.chat.growing_answer import GrowingAnswer
from runner.chat.messages import Conversation, Message
from runner.chat.refusals import Unrenderable
from runner.chat.renderer import ChatRenderer
from runner.chat.special_tokens import begun
from runner.contract import Table
from runner.contract.quantities import counted
from runner.contract.served_parts import ServedParts
from runner.errors import DataError
from runner.tasks.generation.completions import Completion, Ending
from runner.tasks.generation.passages import Likelihood, Passage
from runner.training.quiet_libraries import quietly


class Generator:
    """The model, its tokenizer and, of a chat model, its template."""

    def __init__(self, model: Any, tokenizer: Any, renderer: ChatRenderer | None) -> None:
        self.model, self.tokenizer, self.renderer = model, tokenizer, renderer

    @classmethod
    def load(cls, directory: Path, device: str = "cpu", cache: Path | None = None) -> Self:
        """Read a stored model's folder; of an adapter, its base as well, which its name and checksums say."""
        document = stored_model.read(directory)
        model, tokenizer = stored_model.load(directory, device, cache)
        chat = document.get("chat")
        return cls(model, tokenizer, ChatRenderer.from_document(tokenizer, chat) if chat else None)

    @classmethod
    def of_base(cls, folder: Path, device: str = "cpu") -> Self:
        """A model as it is before any training: a folder of the Hub's shape. It converses if its tokenizer has a
        template."""
        model, tokenizer = open_folder(folder, device, where=str(folder))
        return cls(model, tokenizer, ChatRenderer.of(tokenizer) if tokenizer.chat_template else None)

    @classmethod
    def parts(cls, directory: Path, cache: Path | None = None) -> ServedParts:
        """What an engine of others serves a stored model by; of an adapter, its base's folder as well. Raises
        :class:`~runner.errors.IntegrityError` for a template that is not the training's, or a base of other bytes."""
        document = stored_model.read(directory)
        chat, adapted = document.get("chat"), document["form"] == "adapter"
        if chat:
            ChatRenderer.from_document(open_tokenizer(directory, str(directory)), chat)
        weights = stored_model.base_of(directory, cache) if adapted else directory
        return ServedParts(
            weights,
            directory if adapted else None,
            chat["source"] if chat else None,
            positions(configuration(weights, str(weights))),
        )

    @classmethod
    def parts_of_base(cls, folder: Path) -> ServedParts:
        """The same of a model as it is before any training."""
        template = open_tokenizer(folder, str(folder)).chat_template
        return ServedParts(
            folder, None, template if isinstance(template, str) else None, positions(configuration(folder, str(folder)))
        )

    @classmethod
    def merge(
        cls, directory: Path, target: Path, spec: Any, *, task: Any, metrics: Mapping[str, Any], **words: Any
    ) -> Table:
        """Write an adapter and its base as one model, with its card. See :func:`merging.merge`."""
        return merging.merged_with_card(directory, target, spec, task, metrics, head="tokens", **words)

    @property
    def longest(self) -> int:
        """The tokens that the model has positions for."""
        config = self.model.config
        found = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
        return int(found or 1_000_000)

    def prompt_ids(self, row: Any, options: Any) -> list[int]:
        """What the model is fed for a row. Raises :class:`DataError` for what its template refuses."""
        conversation = self._asked(row, options)
        if self.renderer is None:
            return self.text_ids(conversation.messages[-1].content)
        return self.renderer.prompt(conversation)

    def checked_ids(self, row: Any, options: Any) -> list[int]:
        """The same. Raises :class:`DataError` too for a prompt without a token, and for one that leaves no room."""
        ids = self.prompt_ids(row, options)
        self._check_length(ids)
        return ids

    def _check_length(self, ids: list[int]) -> None:
        if not ids:
            raise DataError("the prompt has no token", hint="give a prompt that says something")
        if len(ids) >= self.longest:
            raise DataError(
                f"the prompt has {counted(len(ids), 'tokens')}, and the model reads at most {self.longest:,}, answer "
                "included",
                hint="shorten the prompt",
            )

    def _asked(self, row: Any, options: Any) -> Conversation:
        """A row's conversation with the system's turn. Raises :class:`DataError` for more turns than a text is."""
        conversation: Conversation = row.conversation
        if options.system is not None and conversation.messages[0].role != "system":
            conversation = conversation.with_messages([Message("system", options.system), *conversation.messages])
        if self.renderer is None and len(conversation.messages) > 1:
            raise DataError(
                "the model goes on with texts, and has no template for a conversation",
                hint="give a prompt alone, or use a model that was trained on conversations (sft)",
            )
        return conversation

    def predict(self, rows: Sequence[Any], options: Any, batch_size: int) -> list[list[Completion]]:
        """``n`` completions of every row, in the rows' order. Rows are batched by length.

        Raises :class:`DataError` for a prompt that fills all of the model's positions.
        """
        prompts = checked_prompts(rows, lambda row: self.checked_ids(row, options))
        order = longest_first(prompts)
        found: list[list[Completion]] = [[] for _ in rows]
        while order:
            size = size_of_next(prompts, order, options, at_most=batch_size, longest=self.longest)
            some, order = order[:size], order[size:]
            lists = [prompts[at] for at in some]
            if options.num_beams > 1:
                made = self._searched(lists, options)
            else:
                made = self._decoded(lists, [seed_of(rows[at].key(), options.seed) for at in some], options)
            for at, completions in zip(some, made, strict=True):
                found[at] = completions
        return found

    def _decoded(self, prompts: list[list[int]], seeds: list[int], options: Any) -> list[list[Completion]]:
        """``n`` completions of each prompt of a batch, token by token."""
        lines = [
            self._line(prompt, [seed, copy], options)
            for prompt, seed in zip(prompts, seeds, strict=True)
            for copy in range(options.n)
        ]
        for told in decode(self.model, lines, padding=self.padding, longest=self.longest):
            for line in told:
                self.watch(line)
        made = [self.completion(line) for line in lines]
        return [made[at : at + options.n] for at in range(0, len(made), options.n)]

    # ---- One at a time, for who decides what is decoded beside what

    @property
    def padding(self) -> int:
        """The token that fills up a batch, behind a mask."""
        return int(self.tokenizer.pad_token_id)

    def decoding(self, rows: int) -> Decoding:
        """An empty one, of so many lines at a time."""
        return Decoding(self.model, padding=self.padding, longest=self.longest, rows=rows, tokens=TOKENS)

    def line(
        self,
        ids: Sequence[int],
        options: Any,
        *,
        key: bytes | None = None,
        copy: int = 0,
        beside: int = 0,
        alone: bool = False,
    ) -> Line:
        """A prompt to be answered, from its token ids.

        ``beside`` is how many of the likeliest tokens are told in each one's place; ``alone`` has it computed by
        itself, whatever is decoded at the same time.

        What is drawn is decided by the options' seed, by ``copy``, and by ``key``, which is what the prompt is known
        by; without one, its tokens. Raises :class:`DataError` for ids that the model has no token for, none, or so
        many that no room is left.
        """
        ids = [int(token) for token in ids]
        count = self.model.get_input_embeddings().num_embeddings
        if wrong := next((token for token in ids if not 0 <= token < count), None):
            raise DataError(f"the model has {count:,} tokens, and none of them is {wrong:,}")
        self._check_length(ids)
        known = key if key is not None else np.array(ids, "<i8").tobytes()
        line = self._line(ids, [seed_of(known, options.seed), copy], options)
        line.beside, line.alone = beside, alone
        return line

    def text_ids(self, text: str) -> list[int]:
        """What the model is fed to go on with a text, without its template."""
        return begun(self.tokenizer, self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _line(self, ids: list[int], seed: Sequence[int], options: Any) -> Line:
        return Line(ids, seed, options, frozenset(self._stop_ids()), self._stop_strings(options))

    def watch(self, line: Line) -> None:
        """Have a line end whose text has a stop text in it. It is called with every token that the line has more."""
        end_at(line, self.tokenizer)

    def pieces(self, line: Line) -> Pieces:
        """What makes texts to show of a line's tokens."""
        return Pieces(self.tokenizer, line.stops, line.ends)

    def growing(self) -> GrowingAnswer | None:
        """What tells an answer's reasoning apart as it grows; None of a model that goes on with texts."""
        return None if self.renderer is None else GrowingAnswer(self.renderer.habits)

    def completion(self, line: Line) -> Completion:
        """What was made of a line so far."""
        log_probs = line.log_probs if line.options.logprobs else None
        return self._completion(line.made, log_probs, line.options, list(line.stops))

    def _searched(self, prompts: list[list[int]], options: Any) -> list[list[Completion]]:
        """``n`` completions of each prompt of a batch by a search with beams, prompts padded on the left."""
        longest = max(map(len, prompts))
        padding = self.padding
        ids = torch.tensor([[padding] * (longest - len(row)) + row for row in prompts], device=self.model.device)
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in prompts], device=self.model.device)
        words: dict[str, Any] = {}
        stops = self._stop_strings(options)
        if stops:
            words |= {"stop_strings": stops, "tokenizer": self.tokenizer}
        # It would tell of options that say no more than that the model's own are not to be used.
        with torch.inference_mode(), quietly():
            out = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                do_sample=False,
                max_new_tokens=min(options.max_new_tokens, self.longest - longest),
                min_new_tokens=options.min_new_tokens or None,
                num_beams=options.num_beams,
                num_return_sequences=options.n,
                repetition_penalty=options.repetition_penalty,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                eos_token_id=self._stop_ids() or None,
                pad_token_id=padding,
                **words,
            )
        made = [self._completion(row, None, options, stops) for row in out[:, longest:].tolist()]
        return [made[at : at + options.n] for at in range(0, len(made), options.n)]

    def _completion(self, ids: list[int], log_probs: list[float] | None, options: Any, stops: list[str]) -> Completion:
        """What was made of one row: cut at its end, told why it ended."""
        ends = set(self._stop_ids())
        at = next((place for place, token in enumerate(ids) if token in ends), None)
        reason: Ending = "length" if at is None else "stop"
        kept = ids if at is None else ids[:at]
        counted = len(kept) + (at is not None)
        text = self.tokenizer.decode(kept, skip_special_tokens=False)
        text, stopped = cut_at(text, stops)
        if stopped:
            reason = "stop"
        message = None
        if self.renderer is not None:
            message = self.renderer.parsed(text)
        else:
            text = self.tokenizer.decode(kept, skip_special_tokens=True) if not stopped else text
        tokens = None
        if log_probs is not None:
            pieces = [self.tokenizer.decode([token]) for token in ids[:counted]]
            tokens = list(zip(pieces, log_probs[:counted], strict=True))
        return Completion(
            text=text if message is None else message.content,
            finish_reason=reason,
            completion_tokens=counted,
            reasoning=None if message is None else message.reasoning,
            tool_calls=() if message is None else message.tool_calls,
            tokens=tokens,
        )

    @property
    def converses(self) -> bool:
        """Whether it has a template for conversations; else it goes on with texts alone."""
        return self.renderer is not None

    def message(self, text: str) -> Message:
        """An answer's text as the turn that it is, as the next prompt has it: reasoning and calls of tools apart."""
        return Message("assistant", text) if self.renderer is None else self.renderer.parsed(text)

    def stream(self, row: Any, options: Any) -> Iteration[str, None, str]:
        """The answer to one row, piece by piece, and at the end the reason that it ended for.

        Beams and several answers are made by :meth:`predict` alone. Raises :class:`DataError` for a prompt that fills
        all of the model's positions.
        """
        ids = self.prompt_ids(row, options)
        if len(ids) >= self.longest:
            raise DataError(
                f"the conversation has {len(ids):,} tokens, and the model reads at most {self.longest:,}, answer "
                "included",
                hint="begin anew, or shorten it",
            )
        line = self._line(ids, [seed_of(row.key(), options.seed), 0], options)
        return (yield from stream(self.model, line, longest=self.longest, pieces=self.pieces(line)))

    def nats(self, passages: Sequence[Any]) -> np.ndarray:
        """The negative log-likelihood of each passage's text, or of its conversation's answers: float64 ``[n]``.

        Raises :class:`DataError` for a passage longer than the model reads, or that its template refuses.
        """
        ids: list[list[int]] = []
        weights: list[list[float]] = []
        for at, passage in enumerate(passages):
            try:
                one, weight = self._foretold(passage)
            except Unrenderable as error:
                raise DataError(f"held-out row {at + 1}: {error.message}", hint=error.hint) from None
            if len(one) > self.longest:
                raise DataError(f"held-out row {at + 1} has {len(one):,} tokens, and the model reads {self.longest:,}")
            ids.append(one)
            weights.append(weight)
        rows = TokenRows.of(ids, weights)
        return judge(self.model, rows, self.padding, str(self.model.device)).loss

    def without_template(self) -> Self:
        """The same model, which goes on with texts."""
        return type(self)(self.model, self.tokenizer, None)

    def answered(self, row: Any, answer: str, options: Any) -> Passage:
        """What is asked of a row, and an answer to it. Raises :class:`DataError` as :meth:`prompt_ids` does, and for an
        answer without a token."""
        conversation = self._asked(row, options)
        if self.renderer is None:
            return foretelling.after_text(self.tokenizer, conversation.messages[-1].content, answer)
        return foretelling.after_turns(self.renderer, conversation, answer)

    def windows(self, text: str) -> list[Passage]:
        """A whole text, in passages that the model can read. See :func:`foretelling.windows`."""
        return foretelling.windows(self.tokenizer, text, self.longest)

    def likelihoods(self, passages: Sequence[Passage], batch_size: int) -> Iterator[list[tuple[int, Likelihood]]]:
        """How likely each passage is, batch after batch. See :func:`foretelling.likelihoods`."""
        return foretelling.likelihoods(self.model, passages, self.padding, batch_size)

    def _foretold(self, passage: Any) -> tuple[list[int], list[float]]:
        if passage.conversation is not None and self.renderer is not None:
            rendered = self.renderer.trained(passage.conversation, "assistant")
            return rendered.ids, rendered.weights
        if passage.conversation is not None:
            text = "\n".join(turn.content for turn in passage.conversation.messages)
        else:
            text = passage.text
        ids = begun(self.tokenizer, self.tokenizer(text, add_special_tokens=False)["input_ids"])
        return ids, [1.0] * len(ids)

    def count(self, rows: Sequence[Any], options: Any) -> list[int]:
        """Tokens of every row's prompt."""
        return [len(self.prompt_ids(row, options)) for row in rows]

    def _stop_ids(self) -> list[int]:
        if self.renderer is not None:
            return list(self.renderer.stop_ids)
        return [] if self.tokenizer.eos_token_id is None else [int(self.tokenizer.eos_token_id)]

    def _stop_strings(self, options: Any) -> list[str]:
        own = () if self.renderer is None else self.renderer.stop_strings
        return list(dict.fromkeys([*own, *options.stop]))
