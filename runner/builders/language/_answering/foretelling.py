"""What a stored language model foretells of given texts: how likely it finds an answer, or a text as a whole.

How a text is divided into the prompt's tokens and the answer's is what lm-evaluation-harness does, so that figures of
both can be put side by side (Gao et al., "A framework for few-shot language model evaluation").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from runner.builders.language._learning.likelihood import MEASURED
from runner.builders.language._learning.log_probs import foretold
from runner.builders.language._rows.token_rows import TokenRows
from runner.chat.messages import Message
from runner.chat.refusals import Unrenderable
from runner.chat.renderer import ChatRenderer
from runner.chat.template_rendering import begun, wants_start
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
    """
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
        with torch.no_grad():
            found = foretold(model, rows.batch(chosen, padding, str(model.device)))
        sums, counts, hits = (
            values.double().cpu().tolist() for values in (found.sums(), found.counts(), found.right())
        )
        yield [
            (int(number), Likelihood(round(total, DECIMALS) + 0.0, int(count), hit == count))
            for number, total, count, hit in zip(chosen, sums, counts, hits, strict=True)
        ]


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids
