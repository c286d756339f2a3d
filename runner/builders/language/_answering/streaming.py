"""One answer, piece by piece, as it is made."""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from typing import Any

from runner.builders._finetuning.stop_texts import begun, cut_at
from runner.builders.language._answering.continuous_batching import Line, decode
from runner.tasks.generation.completions import Ending


class Pieces:
    """Texts that are safe to show: no half of a character, and no beginning of what may be a stop text."""

    def __init__(self, tokenizer: Any, stops: Sequence[str], ends: Collection[int] = ()) -> None:
        self._tokenizer, self._stops, self._ends = tokenizer, tuple(stops), ends
        self._ids: list[int] = []
        self._shown = 0
        #: Whether a stop text was met: what is behind it is no part of the answer.
        self.stopped = False

    @property
    def text(self) -> str:
        """All of the answer so far."""
        text: str = self._tokenizer.decode(self._ids, skip_special_tokens=False)
        return cut_at(text, self._stops)[0]

    def add(self, token: int) -> str:
        """One more token; what may be shown now, perhaps nothing: of what ends the answer nothing is."""
        if token in self._ends:
            return ""
        self._ids.append(token)
        whole = self._tokenizer.decode(self._ids, skip_special_tokens=False)
        self.stopped = cut_at(whole, self._stops)[1]
        text = self.text
        if not self.stopped:
            # A character's bytes may be spread over tokens: the half of one is shown as this mark.
            text = text.rstrip("\ufffd")
            text = text[: len(text) - begun(text, self._stops)]
        return self._show(text)

    def rest(self) -> str:
        """What was held back, once the answer has ended."""
        return self._show(self.text)

    def _show(self, text: str) -> str:
        new, self._shown = text[self._shown :], max(self._shown, len(text))
        return new


def stream(model: Any, line: Line, *, longest: int, pieces: Pieces) -> Generator[str, None, Ending]:
    """Pieces of the answer to a line's prompt; at the end, the reason that it ended for: ``stop`` or ``length``.

    The tokens are those that a batch would have, of the same seed. What is made so far stays made where the reader
    stops reading.
    """
    for _ in decode(model, [line], padding=0, longest=longest):
        if piece := pieces.add(line.made[-1]):
            yield piece
        if pieces.stopped:
            return "stop"
    if piece := pieces.rest():
        yield piece
    return "stop" if line.ended else "length"
