"""What a stored language model foretells of given texts: how likely it finds an answer, or a text as a whole.

How a text is divided into the prompt's tokens and the answer's is what lm-evaluation-harness does, so that figures of
both can be put side by side (Gao et al., "A framework for few-shot language model evaluation").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from runner.builders.language._learning.likelihood_loss import MEASURED
from runner.builders.language._learning.log_probs import foretold, foretold_ends
from runner.builders.language._rows.token_rows import Batch, TokenRows
from runner.chat.messages import Message
from runner.chat.refusals import Unrenderable
from runner.chat.renderer import ChatRenderer
from runner.chat.special_tokens import begun, wants_start
from runner.tasks.generation.passages import Likelihood, Passage

#: Decimals of a logarithm that is told: the last digits hang on what else is in the batch.
DECIMALS = 5


def after_text(tokenizer: Any, prompt: str, answer: str) -> Passage:
    """An answer after a prompt, as one text. Blanks at the prompt's end are the answer's first.

    The tokens of the answer are those behind as many as the prompt has alone. Raises :class:`Unrenderable` for an
    answer that has no token.
    """
    kept = prompt.rstrip()
    answer = prompt[len(kept) :] + answer
    before = begun(tokenizer, _ids(tokenizer, kept)) or first(tokenizer)
    whole = begun(tokenizer, _ids(tokenizer, kept + answer))
    if not kept and not wants_start(tokenizer):
        whole = before + whole
    if len(whole) <= len(before) or not before:
        raise Unrenderable("no answer", f"the answer {answer!r} has no token of its own after the prompt")
    return Passage(whole, len(before))


def after_turns(renderer: ChatRenderer, conversation: Any, answer: str) -> Passage:
    """An answer as the turn of an assistant, without its end: the ids that the model is trained on.

    Raises :class:`Unrenderable` where the template refuses the conversation, or writes the answer as nothing.
    """
    prompt = renderer.prompt(conversation)
    whole = renderer.prompt(conversation.with_messages([*conversation.messages, Message("assistant", answer)]))
    if whole[: len(prompt)] != prompt or len(whole) == len(prompt):
        raise Unrenderable("no answer", f"the chat template writes the answer {answer!r} as no text of its own")
    return Passage(whole, len(prompt))


def windows(tokenizer: Any, text: str, longest: int) -> list[Passage]:
    """A whole text in passages of at most ``longest`` tokens, each token foretold once.

    The first is foretold after the token that a text begins with (or that ends one, where there is none that begins
    it); a later window begins with the last token of the one before. A model with neither token foretells all but the
    first.
    """
    start = first(tokenizer)
    ids = _ids(tokenizer, text)
    if wants_start(tokenizer):
        ids = begun(tokenizer, ids)[1:]
    whole = start + ids
    room = longest - 1
    return [Passage(whole[at - 1 : at + room], 1) for at in range(1, len(whole), room)]


def first(tokenizer: Any) -> list[int]:
    """The token that the first of a text is foretold after; empty where there is none."""
    found = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    return [] if found is None else [int(found)]


def likelihoods(
    model: Any, passages: Sequence[Passage], padding: int, batch_size: int, tokens: int = MEASURED
) -> Iterator[list[tuple[int, Likelihood]]]:
    """Batch after batch, each passage by its number with its likelihood; the longest come first.

    A batch has at most ``batch_size`` passages and, with padding, ``tokens`` tokens. What is left of the passages when
    some batches are done is batched as it would have been: work that was stopped goes on to the same numbers.
    Passages that are alike but for their last token, which alone is foretold, such as the letters of a multiple choice,
    are one: they come last.
    """
    alone, alike = _sorted_out(passages)
    for chosen, batch in _batched([passages[at] for at in alone], model, padding, batch_size, tokens):
        with torch.no_grad():
            found = foretold(model, batch)
        sums, counts, hits = (
            values.double().cpu().tolist() for values in (found.sums(), found.counts(), found.right())
        )
        yield [
            (alone[number], Likelihood(round(total, DECIMALS) + 0.0, int(count), hit == count))
            for number, total, count, hit in zip(chosen, sums, counts, hits, strict=True)
        ]
    for chosen, batch in _batched([passages[group[0]] for group in alike], model, padding, batch_size, tokens):
        members = [(line, at) for line, number in enumerate(chosen) for at in alike[number]]
        lines, ends = ([line for line, _ in members], [passages[at].ids[-1] for _, at in members])
        with torch.no_grad():
            log_probs, likeliest = foretold_ends(model, batch, lines, ends)
        yield [
            (at, Likelihood(round(total, DECIMALS) + 0.0, 1, hit))
            for (_, at), total, hit in zip(members, log_probs, likeliest, strict=True)
        ]


def _sorted_out(passages: Sequence[Passage]) -> tuple[list[int], list[list[int]]]:
    """The numbers of passages that are by themselves, and those of passages alike but for their last token."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for at, passage in enumerate(passages):
        if passage.begin == len(passage.ids) - 1:
            groups.setdefault(tuple(passage.ids[:-1]), []).append(at)
    alike = [group for group in groups.values() if len(group) > 1]
    together = {at for group in alike for at in group}
    return [at for at in range(len(passages)) if at not in together], alike


def _batched(
    passages: Sequence[Passage], model: Any, padding: int, batch_size: int, tokens: int
) -> Iterator[tuple[list[int], Batch]]:
    """The numbers of passages, and their rows as a batch, the longest first."""
    if not passages:
        return
    rows = TokenRows.of(
        [passage.ids for passage in passages],
        [[0.0] * passage.begin + [1.0] * (len(passage.ids) - passage.begin) for passage in passages],
    )
    order = np.argsort(-rows.lengths, kind="stable")
    at = 0
    while at < len(order):
        count = max(1, min(batch_size, tokens // int(rows.lengths[order[at]])))
        chosen = order[at : at + count]
        at += count
        yield chosen.tolist(), rows.batch(chosen, padding, str(model.device))


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids
