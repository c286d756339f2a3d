"""A stored model that turns texts into others: a predictor of the task ``generation``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from runner.builders._finetuning import finetuned_model
from runner.builders._finetuning.sampling import seed_of
from runner.builders._finetuning.stop_texts import cut_at
from runner.builders.text._targets import target_loss, writing_settings
from runner.builders.text._targets.drawn_tokens import drawing
from runner.builders.text._targets.source_tokenizer import open_tokenizer
from runner.builders.text._targets.target_tokens import source_ids, target_ids
from runner.errors import DataError
from runner.tasks.generation.completions import Completion, Ending
from runner.tasks.generation.passages import Likelihood, Passage
from runner.training.quiet_libraries import quietly

#: Tokens that a batch may have in the end, sources and what is written together.
TOKENS = 65_536


class TargetWriter:
    """The model, its tokenizer, and how it was trained: ``document`` is the stored model's."""

    #: It reads texts: there is no template, and no conversation.
    converses = False
    renderer = None

    def __init__(self, model: Any, tokenizer: Any, document: Mapping[str, Any]) -> None:
        self.model, self.tokenizer, self._document = model, tokenizer, document
        #: What it does by itself where an option says nothing.
        self.written_as: Mapping[str, Any] = document["written_as"]

    @classmethod
    def load(cls, directory: Path, device: str = "cpu", cache: Path | None = None) -> Self:
        """Read a stored model's folder; of an adapter, its base as well, which its name and checksums say."""
        document = finetuned_model.read(directory)
        model = finetuned_model.load(directory, finetuned_model.stored_head(document), device, cache)
        languages = document["source_language"], document["target_language"]
        tokenizer = open_tokenizer(directory, str(directory), *languages)
        # An adapter's folder has no configuration of the base's.
        writing_settings.settle(model, tokenizer, document["written_as"], languages[1])
        return cls(model, tokenizer, document)

    def without_template(self) -> Self:
        """Itself: it has none."""
        return self

    @property
    def longest(self) -> int:
        """The tokens of a source that it reads."""
        return int(self._document["max_length"])

    def prompt_ids(self, row: Any, options: Any) -> list[int]:
        """What the encoder is fed for a row. Raises :class:`DataError` for a conversation, and for a source longer than
        those of the training: it would be cut."""
        messages = row.conversation.messages
        if len(messages) > 1 or getattr(options, "system", None) is not None:
            raise DataError(
                "the model turns one text into another, and reads no conversation", hint="give the source alone"
            )
        return self._source(messages[-1].content)

    def checked_ids(self, row: Any, options: Any) -> list[int]:
        """The same."""
        return self.prompt_ids(row, options)

    def _source(self, text: str) -> list[int]:
        ((ids, whole),) = source_ids(self.tokenizer, [self._document["source_prefix"] + text], self.longest)
        if not whole:
            raise DataError(
                f"the source has more than {self.longest:,} tokens, which the model was trained to read (max_length)",
                hint="shorten it, or train with a greater max_length",
            )
        return ids

    def count(self, rows: Sequence[Any], options: Any) -> list[int]:
        """Tokens of every row's source."""
        return [len(self.prompt_ids(row, options)) for row in rows]

    def predict(self, rows: Sequence[Any], options: Any, batch_size: int) -> list[list[Completion]]:
        """``n`` texts of every row, in the rows' order. Rows are batched by length.

        Raises :class:`DataError` for a row that is no source, and for an option that the model cannot do.
        """
        sources = []
        for at, row in enumerate(rows):
            try:
                sources.append(np.array(self.prompt_ids(row, options), np.int64))
            except DataError as error:
                raise DataError(f"row {at + 1}: {error.message}", where=error.where, hint=error.hint) from None
        return self.written(sources, [row.key() for row in rows], options, batch_size)

    def written(
        self, sources: Sequence[np.ndarray], keys: Sequence[bytes], options: Any, batch_size: int
    ) -> list[list[Completion]]:
        """The same of the token ids of sources; what is drawn of one is decided by its key and the options' seed."""
        order = sorted(range(len(sources)), key=lambda at: len(sources[at]), reverse=True)
        found: list[list[Completion]] = [[] for _ in sources]
        while order:
            length = len(sources[order[0]]) + options.max_new_tokens
            size = max(1, min(batch_size, TOKENS // (length * max(options.n, options.num_beams))))
            some, order = order[:size], order[size:]
            made = self._batch([sources[at] for at in some], [seed_of(keys[at], options.seed) for at in some], options)
            for at, texts in zip(some, made, strict=True):
                found[at] = texts
        return found

    def _batch(self, sources: list[np.ndarray], seeds: list[int], options: Any) -> list[list[Completion]]:
        config = writing_settings.for_options(self._plain, options, self.written_as)
        # Beams give several texts of one source by themselves.
        copies = 1 if options.num_beams > 1 else options.n
        words: dict[str, Any] = {}
        if options.temperature > 0:
            lines = [[seed, copy] for seed in seeds for copy in range(copies)]
            words["logits_processor"] = drawing(options, lines)
        if options.stop:
            words |= {"stop_strings": list(options.stop), "tokenizer": self.tokenizer}
        repeated = [source for source in sources for _ in range(copies)]
        device, padding = self.model.device, int(self.tokenizer.pad_token_id)
        mask = target_loss.padded([np.ones(len(each), np.int64) for each in repeated], 0)
        with torch.inference_mode(), quietly():
            out = self.model.generate(
                input_ids=target_loss.padded(repeated, padding).to(device),
                attention_mask=mask.to(device),
                generation_config=config,
                **words,
            )
        # The decoder's start is no part of what it wrote.
        written = [self._until_end(ids) for ids in out[:, 1:].tolist()]
        made = [self._completion(ids, options, config) for ids in written]
        if options.logprobs:
            made = [
                replace(one, tokens=told) for one, told in zip(made, self._log_probs(repeated, written), strict=True)
            ]
        return [made[at : at + options.n] for at in range(0, len(made), options.n)]

    @property
    def _plain(self) -> Any:
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    def _until_end(self, ids: list[int]) -> list[int]:
        end, padding = self.tokenizer.eos_token_id, self.tokenizer.pad_token_id
        at = next((place for place, token in enumerate(ids) if token in (end, padding)), len(ids))
        return ids[: at + 1] if ids[at : at + 1] == [end] else ids[:at]

    def _log_probs(self, sources: list[np.ndarray], written: list[list[int]]) -> list[list[tuple[str, float]]]:
        """Each token's text and log-probability under the model, as it stands without penalties."""
        odds = self._odds([source.tolist() for source in sources], written)
        return [
            [(self.tokenizer.decode([token]), float(odds[row, at, token])) for at, token in enumerate(ids)]
            for row, ids in enumerate(written)
        ]

    def _completion(self, ids: list[int], options: Any, config: Any) -> Completion:
        end = self.tokenizer.eos_token_id
        at = next((place for place, token in enumerate(ids) if token == end), None)
        # Some models are made to end at the last place that there is.
        forced = config.forced_eos_token_id is not None and at is not None and at + 1 >= options.max_new_tokens
        reason: Ending = "length" if at is None or forced else "stop"
        kept = ids if at is None else ids[:at]
        # A model may have more tokens than its tokenizer, of which none was ever learned.
        known = [token for token in kept if token < len(self.tokenizer)]
        text, stopped = cut_at(self.tokenizer.decode(known, skip_special_tokens=True), options.stop)
        return Completion(text.strip(), "stop" if stopped else reason, len(ids))

    # ---- How likely texts are

    def answered(self, row: Any, answer: str, options: Any) -> Passage:
        """A row's source, and a target after it. Raises :class:`DataError` as :meth:`prompt_ids` does."""
        ids = self.prompt_ids(row, options)
        return Passage([*ids, *target_ids(self.tokenizer, answer.strip(), 1_000_000)], len(ids))

    def likelihoods(self, passages: Sequence[Passage], batch_size: int) -> Iterator[list[tuple[int, Likelihood]]]:
        """How likely the target of each passage is, batch after batch: its number, and its likelihood."""
        for at in range(0, len(passages), batch_size):
            some = list(passages[at : at + batch_size])
            nats, counts, hits = self._foretold([(each.prompt, each.ids[each.begin :]) for each in some])
            yield [
                (at + number, Likelihood(round(-float(nats[number]), 5), int(counts[number]), bool(hits[number])))
                for number in range(len(some))
            ]

    def nats(self, passages: Sequence[Any]) -> np.ndarray:
        """The negative log-likelihood of each passage's answer after its question: float64 ``[n]``.

        Raises :class:`DataError` for a passage that is no source with a target.
        """
        pairs = []
        for passage in passages:
            turns = [] if passage.conversation is None else list(passage.conversation.messages)
            if [turn.role for turn in turns] != ["user", "assistant"]:
                raise DataError("the held-out rows are no sources with targets, which the model is asked")
            ids = target_ids(self.tokenizer, turns[1].content, 1_000_000)
            pairs.append((self._source(turns[0].content), ids))
        found = [self._foretold(pairs[at : at + 16])[0] for at in range(0, len(pairs), 16)]
        return np.concatenate(found) if found else np.zeros(0)

    def windows(self, text: str) -> list[Passage]:
        """None: it reads no text to go on with. Raises :class:`DataError`."""
        raise DataError("a model that turns texts into others has no perplexity of a text alone")

    def _foretold(self, pairs: Sequence[tuple[list[int], list[int]]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Nats, tokens, and whether all were the likeliest, of targets after their sources: ``[n]`` each."""
        labels = [np.array(target, np.int64) for _, target in pairs]
        odds = self._odds([source for source, _ in pairs], [target for _, target in pairs])
        nats, right = [], []
        for number, each in enumerate(labels):
            own = odds[number, : len(each)]
            wanted = torch.from_numpy(each)
            nats.append(-float(own.gather(1, wanted[:, None]).double().sum()))
            right.append(bool((own.argmax(dim=-1) == wanted).all()))
        return np.array(nats), np.array([len(each) for each in labels]), np.array(right)

    def _odds(self, sources: Sequence[list[int]], targets: Sequence[list[int]]) -> torch.Tensor:
        """The logarithms of every token's odds at every place of the targets, float32 ``[B, T, V]`` on the CPU."""
        batch = target_loss.batch_of(
            [np.array(source, np.int64) for source in sources],
            [np.array(target, np.int64) for target in targets],
            target_loss.decoder_inputs(self.model),
            int(self.tokenizer.pad_token_id),
        )
        with torch.inference_mode():
            inputs = {name: value.to(self.model.device) for name, value in batch.items()}
            return torch.log_softmax(self.model(**inputs).logits.float(), dim=-1).cpu()
