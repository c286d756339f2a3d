"""Text to token ids, so that the ids of a text's beginning are the beginning of the text's ids.

A tokenizer merges letters over any border: ``:`` and `` Yes`` may be other tokens apart than together. What a model is
fed when it is asked ends at such a border, so a row for training must have a token border there too. The text is
tokenised as a whole, and where a border would be merged over, it is cut there; as the cuts depend on what lies before
them alone, a prompt's ids are always the first ids of the row that is learned with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.chat.refusals import Unrenderable


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids, the character that each begins at, and for each border how many tokens lie before it."""

    ids: list[int]
    starts: list[int]
    counts: dict[int, int]


class Encoder:
    """A tokenizer, asked for ids and nothing else: it adds no special token, pads nothing and cuts nothing."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._added = set(tokenizer.added_tokens_decoder)
        # A tokenizer that puts a blank before a text must be kept from it in the middle of one, by other text.
        alone = self._ask("a")[0]
        self._leads = ("",) if self._ask("\na")[0][-len(alone) :] == alone else ("\n", ".", "a", "0", "")

    def encode(self, text: str, borders: Sequence[int], literals: Sequence[tuple[int, int]] = ()) -> Encoded:
        """The ids of ``text``.

        Args:
            borders: characters that a token must begin at, or nothing may be merged over.
            literals: stretches that are text, whatever special token they spell.
        """
        done = Encoded([], [], {})
        position = 0
        for start, end in [*literals, (len(text), len(text))]:
            self._stretch(text, position, start, borders, done)
            if end > start:
                ids = self._as_text(text[start:end], lead=start > 0)
                done.ids.extend(ids)
                done.starts.extend([start] * len(ids))
                done.counts[end] = len(done.ids)
            position = end
        return done

    def _stretch(self, text: str, start: int, end: int, borders: Sequence[int], done: Encoded) -> None:
        """Tokenise from left to right, from border to border; ``begin`` is where the open part of the text begins."""
        begin = previous = start
        ids: list[int] = []
        starts: list[int] = []
        for border in sorted({border for border in borders if start < border < end} | {end}):
            more, offsets = self._plain(text[begin:border], lead=begin > 0)
            if more[: len(ids)] != ids:
                done.ids.extend(ids)
                done.starts.extend(starts)
                begin = previous
                more, offsets = self._plain(text[begin:border], lead=begin > 0)
            ids, starts = more, [begin + offset for offset in offsets]
            # Nothing is merged over an added token: what lies before the last one is settled.
            settled = max((index for index, token in enumerate(ids) if token in self._added), default=0)
            done.ids.extend(ids[:settled])
            done.starts.extend(starts[:settled])
            if settled:
                begin = starts[settled]
            ids, starts = ids[settled:], starts[settled:]
            done.counts[border] = len(done.ids) + len(ids)
            previous = border
        done.ids.extend(ids)
        done.starts.extend(starts)

    def _plain(self, text: str, *, lead: bool = False, special: bool = True) -> tuple[list[int], list[int]]:
        """Ids and the characters that they begin at. ``lead``: other text lies before.

        ``special``: special tokens in the text are tokens.
        """
        if not text:
            return [], []
        for before in self._leads if lead else ("",):
            ids, starts = self._ask(before + text, special=special)
            ahead = len(self._ask(before)[0]) if before else 0
            # Nothing may be merged over the border.
            if not before or (len(ids) > ahead and self._ask(before)[0] == ids[:ahead]):
                break
        return ids[ahead:], [max(0, start - len(before)) for start in starts[ahead:]]

    def _ask(self, text: str, *, special: bool = True) -> tuple[list[int], list[int]]:
        encoding = self._tokenizer(
            text,
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            truncation=False,
            padding=False,
            split_special_tokens=not special,
            verbose=False,
        )
        return encoding["input_ids"], [offset[0] for offset in encoding["offset_mapping"]]

    def _as_text(self, text: str, *, lead: bool) -> list[int]:
        """Ids of which none is a special token; letter by letter where the tokenizer makes one of plain text."""
        for pieces in ([text], list(text)):
            ids: list[int] = []
            for piece in pieces:
                ids += self._plain(piece, lead=lead or bool(ids), special=False)[0]
            if self._added.isdisjoint(ids):
                return ids
        raise Unrenderable(
            "special token",
            f"{text!r} in a message is a special token of the tokenizer, which cannot write it as text",
            hint="take it out of the row",
        )
