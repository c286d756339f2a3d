"""One answer, piece by piece, as it is made."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import torch
from transformers.generation.logits_process import RepetitionPenaltyLogitsProcessor

from runner.builders.language._answering.sampling import processors


class Pieces:
    """Texts that are safe to show: no half of a character, and no beginning of what may be a stop text."""

    def __init__(self, tokenizer: Any, stops: Sequence[str]) -> None:
        self._tokenizer, self._stops = tokenizer, tuple(stops)
        self._ids: list[int] = []
        self._shown = 0
        #: Whether a stop text was met: what is behind it is no part of the answer.
        self.stopped = False

    @property
    def text(self) -> str:
        """All of the answer so far."""
        text: str = self._tokenizer.decode(self._ids, skip_special_tokens=False)
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        return text[: min(places)] if places else text

    def add(self, token: int) -> str:
        """One more token; what may be shown now, perhaps nothing."""
        self._ids.append(token)
        whole = self._tokenizer.decode(self._ids, skip_special_tokens=False)
        self.stopped = any(stop in whole for stop in self._stops)
        text = self.text
        if not self.stopped:
            # A character's bytes may be spread over tokens: the half of one is shown as this mark.
            text = text.rstrip("\ufffd")
            text = text[: len(text) - self._held(text)]
        return self._show(text)

    def rest(self) -> str:
        """What was held back, once the answer has ended."""
        return self._show(self.text)

    def _show(self, text: str) -> str:
        new, self._shown = text[self._shown :], max(self._shown, len(text))
        return new

    def _held(self, text: str) -> int:
        """Letters at the end that begin a stop text."""
        longest = 0
        for stop in self._stops:
            for length in range(1, len(stop)):
                if text.endswith(stop[:length]):
                    longest = max(longest, length)
        return longest


def stream(
    model: Any, ids: list[int], options: Any, *, seed: Sequence[int], ends: set[int], longest: int, pieces: Pieces
) -> Generator[str, None, str]:
    """Pieces of the answer to a prompt's ids; at the end, the reason that it ended for: ``stop`` or ``length``.

    The tokens are those that a batch would have, of the same seed. What is made so far stays made where the reader
    stops reading.
    """
    draws: Any = processors(options, [seed])
    penalty = RepetitionPenaltyLogitsProcessor(options.repetition_penalty) if options.repetition_penalty != 1 else None
    whole = torch.tensor([ids], device=model.device)
    fed, past, reason = whole, None, "length"
    for made in range(min(options.max_new_tokens, longest - len(ids))):
        # Never around a yield: who reads the pieces would compute in this mode too.
        with torch.inference_mode():
            out = model(input_ids=fed, past_key_values=past, use_cache=True, logits_to_keep=1)
            past, logits = out.past_key_values, out.logits[:, -1].float()
            if made < options.min_new_tokens:
                logits[:, list(ends)] = -torch.inf
            if penalty is not None:
                logits = penalty(whole, logits)
            token = int(draws(whole, logits).argmax())
        if token in ends:
            reason = "stop"
            break
        if piece := pieces.add(token):
            yield piece
        if pieces.stopped:
            return "stop"
        fed = torch.tensor([[token]], device=model.device)
        whole = torch.cat([whole, fed], dim=1)
    if piece := pieces.rest():
        yield piece
    return reason
