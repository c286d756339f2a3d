"""Questions as passages: the prompt's tokens, and those of an answer that is foretold after them."""

from __future__ import annotations

from typing import Any

from runner.chat.refusals import Unrenderable
from runner.contract.quantities import counted
from runner.data.dialogues.infer_rows import AskedConversation
from runner.tasks.generation.evaluation_sections import EvaluationTask, Perplexity
from runner.tasks.generation.options import GenerationOptions
from runner.tasks.generation.questions.question import Question
from runner.tasks.generation.scored.asked_model import AskedModel
from runner.tasks.generation.scored.scored_task import Asked

#: A row that has more tokens than the model reads.
TOO_LONG = "longer_than_the_model_reads"


def tokens_told(count: int, most: int) -> str:
    """How many tokens a row has, and how many it may have, for a message."""
    return f"has {counted(count, 'tokens')}, and {most:,} can be asked"


def passages_of(task: EvaluationTask, questions: list[Question], model: AskedModel) -> Asked:
    """Each question's answers as passages. Raises :class:`DataError` where not one question can be asked."""
    assert not isinstance(task.answer, Perplexity)
    asked, chat = Asked(), model.chats(task)
    predictor, options = model.predictor(chat), GenerationOptions()
    before = "" if chat else task.answer.before
    for question in questions:
        row = AskedConversation(question.conversation(task, chat))
        try:
            passages = [predictor.answered(row, before + answer, options) for answer in question.answers]
        except Unrenderable as refused:
            asked.drop(question, refused.reason)
            continue
        longest = max(len(passage.ids) for passage in passages)
        if longest > predictor.longest:
            asked.drop(question, TOO_LONG, tokens_told(longest, predictor.longest))
            continue
        asked.take(question, passages)
    asked.check(task, model)
    return asked


def prompt_facts(task: EvaluationTask, question: Question, ids: list[int], model: AskedModel) -> dict[str, Any]:
    """What a sample's record says of what was asked: the text, the token ids, the template, the rows shown."""
    chat = model.chats(task)
    text = model.predictor(chat).tokenizer.decode(ids, skip_special_tokens=False)
    return question.facts() | {"prompt": text, "prompt_ids": list(ids), "template": model.template(chat)}
