"""What a stored language model prefers of two answers: by how likely it finds either's letter, or by its words.

It is asked twice about each two, with their places swapped.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.chat.judge_prompt import LETTER, LETTERS, likelier, preference, questions
from runner.chat.messages import Conversation, Message
from runner.chat.refusals import Unrenderable
from runner.data.dialogues.infer_rows import AskedConversation
from runner.tasks.generation.options import GenerationOptions
from runner.tasks.generation.passages import Passage
from runner.tasks.generation.scored.asked_model import AskedModel, Progress

#: A question, an answer to it, and another.
Pair = tuple[str, str, str]


def by_likelihood(judge: AskedModel, pairs: Sequence[Pair], progress: Progress) -> list[float | None]:
    """What each answer is worth beside the other, 0 to 1; None for what the judge has no room to read.

    A model that converses says the letter as its turn, any other goes on with it.
    """
    asked = [_letters(judge, pair) for pair in pairs]
    passages = [passage for each in asked for passage in each]
    # Two passages make a judgement.
    found = iter(judge.likelihoods(passages, lambda done, total: progress(done // 2, total // 2)))
    worth: list[float | None] = []
    for each in asked:
        logs = [next(found).log_prob for _ in each]
        worth.append(likelier((logs[0], logs[1]), (logs[2], logs[3])) if logs else None)
    return worth


def by_words(judge: AskedModel, pairs: Sequence[Pair], most: int, progress: Progress) -> list[float | None]:
    """The same by its words, ``most`` tokens of them: 1, 0.5 or 0. None also where they have no verdict."""
    options, predictor = GenerationOptions(max_new_tokens=most), judge.predictor(True)
    asked = [[_row(text) for text in questions(*pair)] for pair in pairs]
    prompts = [[predictor.prompt_ids(row, options) for row in both] for both in asked]
    there = [all(0 < len(ids) < predictor.longest for ids in both) for both in prompts]
    rows = [row for both, read in zip(asked, there, strict=True) if read for row in both]
    ids = [each for both, read in zip(prompts, there, strict=True) if read for each in both]
    said = iter(judge.completions(rows, options, True, progress, ids))
    return [preference(next(said)["completion"], next(said)["completion"]) if read else None for read in there]


def _letters(judge: AskedModel, pair: Pair) -> list[Passage]:
    """Four passages: the letters of the answer that is first, then second. None for what the judge does not read."""
    predictor, options = judge.predictor(judge.converses), GenerationOptions()
    before = "" if judge.converses else " "
    try:
        passages = [
            predictor.answered(_row(text), before + letter, options)
            for text in questions(*pair, LETTER)
            for letter in LETTERS
        ]
    except Unrenderable:
        return []
    return passages if all(len(passage.ids) <= predictor.longest for passage in passages) else []


def _row(text: str) -> AskedConversation:
    return AskedConversation(Conversation((Message("user", text),)))
